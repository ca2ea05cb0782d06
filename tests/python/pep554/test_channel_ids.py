"""ChannelID, the type that names channels and keeps them alive."""

import gc
import operator
import pickle

import pytest

from atoll import interpreters
from atoll.lowlevel import channels
from atoll.lowlevel.channels import (
    ChannelID,
    ChannelNotFoundError,
)


@pytest.fixture
def cid():
    return channels.create()


@pytest.fixture
def interp():
    made = interpreters.create()
    made.exec("from atoll.lowlevel import channels")
    yield made
    try:
        made.close()
    except interpreters.InterpreterError:
        pass


class Index(str):
    def __index__(self):
        return 10


class TestChannelID:
    def make(self, number=10, **options):
        return channels._channel_id(number, force=True, **options)

    def test_type(self):
        with pytest.raises(TypeError):
            ChannelID(1)
        assert type(self.make()) is ChannelID
        assert not hasattr(self.make(), "__dict__")

    @pytest.mark.parametrize(
        ("options", "end"),
        [
            ({}, "both"),
            ({"send": True}, "send"),
            ({"recv": True}, "recv"),
            ({"send": True, "recv": True}, "both"),
            ({"send": True, "recv": False}, "send"),
            ({"send": False}, "both"),
            ({"send": None, "recv": None}, "both"),
        ],
    )
    def test_ends(self, options, end):
        assert self.make(**options).end == end

    def test_both_ends_refused(self):
        with pytest.raises(ValueError, match="cannot both be False"):
            self.make(send=False, recv=False)

    def test_text(self):
        assert [repr(self.make()), repr(self.make(send=True)), repr(self.make(recv=True))] == [
            "ChannelID(10)",
            "ChannelID(10, send=True)",
            "ChannelID(10, recv=True)",
        ]
        assert str(self.make(send=True)) == f"{self.make()}" == "10"

    def test_as_int(self):
        cid = self.make()
        assert int(cid) == 10
        assert [0] * (int(cid) + 1) == [0] * 11
        assert range(20)[cid] == 10
        assert hash(cid) == hash(10)

    def test_an_id_of_an_id_keeps_its_end_unless_told_otherwise(self):
        send = self.make(send=True)
        assert self.make(send).end == "send"
        assert self.make(send, recv=True).end == "recv"
        assert self.make(send, send=True, recv=True).end == "both"
        assert send.recv.end == "recv"
        assert send.recv.send == send
        assert send.send == send

    @pytest.mark.parametrize(
        ("id", "error"),
        [
            (object(), TypeError),
            (10.0, TypeError),
            ("10", TypeError),
            (b"10", TypeError),
            (-1, ValueError),
            (2**64, OverflowError),
            (2**63, OverflowError),
        ],
    )
    def test_bad_values(self, id, error):
        with pytest.raises(error):
            self.make(id)

    def test_what_has_an_index_is_fine(self):
        assert self.make(Index("5")) == 10
        assert self.make(2**63 - 1) == 2**63 - 1

    def test_without_force_the_channel_must_exist(self, cid):
        assert channels._channel_id(int(cid)) == cid
        with pytest.raises(ChannelNotFoundError):
            channels._channel_id(10**9)

    def test_equality(self):
        cid = self.make()
        assert cid == self.make()
        assert cid == 10
        assert operator.eq(10, cid)
        assert cid == 10.0
        assert operator.eq(10.0, cid)
        assert cid != self.make(11)
        assert cid != self.make(send=True)
        assert self.make(recv=True) != self.make(send=True)
        for other in ("10", b"10", 2**1000, float("inf"), 10.1, None, object()):
            assert cid != other
            assert other != cid
        with pytest.raises(TypeError):
            cid < 11  # noqa: B015

    def test_not_picklable(self, cid):
        with pytest.raises(TypeError):
            pickle.dumps(cid)

    def test_shareable(self, cid, interp):
        assert interpreters.is_shareable(cid)
        for each in (cid, cid.send, cid.recv, self.make(10**9, send=True)):
            channels.send(cid, each, blocking=False)
            received, _ = channels.recv(cid)
            assert type(received) is ChannelID
            assert received == each
            assert received.end == each.end
        interp.prepare_main(cid=cid.send)
        interp.exec("assert cid.end == 'send' and type(cid) is channels.ChannelID")

    def test_it_counts_as_a_reference(self, interp):
        cid = channels.create()
        number = int(cid)
        other = channels._channel_id(number, send=True)
        del cid
        assert channels.get_count(number) == 0
        interp.prepare_main(cid=other)
        del other
        assert channels.get_count(number) == 0
        interp.close()
        with pytest.raises(ChannelNotFoundError):
            channels.get_count(number)

    def test_one_in_a_channel_counts_too(self, cid):
        inner = channels.create()
        number = int(inner)
        channels.send(cid, inner, blocking=False)
        del inner
        gc.collect()
        assert channels.get_count(number) == 0
        channels.close(cid, force=True)
        with pytest.raises(ChannelNotFoundError):
            channels.get_count(number)
