"""Channels by id: atoll.lowlevel.channels."""

import threading
from textwrap import dedent

import pytest

from atoll import interpreters
from atoll.interpreters import NotShareableError
from atoll.lowlevel import channels
from atoll.lowlevel.channels import (
    ChannelClosedError,
    ChannelEmptyError,
    ChannelInfo,
    ChannelNotEmptyError,
    ChannelNotFoundError,
)

REMOVE, ERROR, UNBOUND, KEEP = 1, 2, 3, 0


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


FUNCTIONS_OF_ID = {
    "destroy": channels.destroy,
    "list_interpreters": lambda cid: channels.list_interpreters(cid, send=True),
    "send": lambda cid: channels.send(cid, 1),
    "send_buffer": lambda cid: channels.send_buffer(cid, b"1"),
    "recv": channels.recv,
    "recv_default": lambda cid: channels.recv(cid, None),
    "_recv_blocking": channels._recv_blocking,
    "close": channels.close,
    "release": channels.release,
    "get_count": channels.get_count,
    "get_info": channels.get_info,
    "get_channel_defaults": channels.get_channel_defaults,
}


class TestIds:
    @pytest.mark.parametrize("function", FUNCTIONS_OF_ID.values(), ids=FUNCTIONS_OF_ID)
    @pytest.mark.parametrize(
        ("id", "error", "text"),
        [
            ("1", TypeError, "channel ID must be an int, got str"),
            (1.0, TypeError, "channel ID must be an int, got float"),
            (None, TypeError, "channel ID must be an int, got NoneType"),
            (-1, ValueError, "channel ID must be a non-negative int, got -1"),
            (2**64, OverflowError, "channel ID"),
            (10**9, ChannelNotFoundError, f"channel {10**9} not found"),
        ],
    )
    def test_bad_ones(self, function, id, error, text):
        with pytest.raises(error, match=text):
            function(id)

    @pytest.mark.parametrize("function", FUNCTIONS_OF_ID.values(), ids=FUNCTIONS_OF_ID)
    def test_a_destroyed_one_is_not_found(self, cid, function):
        channels.send(cid, 1, blocking=False)
        channels.destroy(cid)
        with pytest.raises(ChannelNotFoundError, match=f"channel {cid} not found"):
            function(cid)

    @pytest.mark.parametrize(
        "name", set(FUNCTIONS_OF_ID) - {"destroy", "get_info", "get_channel_defaults"}
    )
    def test_a_closed_one_says_so(self, cid, name):
        channels.close(cid)
        with pytest.raises(ChannelClosedError, match=f"channel {cid} is closed"):
            FUNCTIONS_OF_ID[name](cid)

    def test_numbers_ascend(self, cid):
        assert channels.create() == int(cid) + 1


class TestItems:
    def test_send_and_recv(self, cid):
        assert channels.send(cid, b"spam", blocking=False) is None
        assert channels.get_count(cid) == 1
        assert channels.recv(cid) == (b"spam", None)

    def test_recv_of_nothing(self, cid):
        default = object()
        with pytest.raises(ChannelEmptyError, match=f"channel {cid} is empty"):
            channels.recv(cid)
        received, flag = channels.recv(cid, default)
        assert received is default
        assert flag is None
        assert channels.recv(cid, default=None) == (None, None)

    def test_arguments_of_send(self, cid):
        with pytest.raises(ValueError, match="non-blocking"):
            channels.send(cid, 1, blocking=False, timeout=1)
        with pytest.raises(TypeError):
            channels.send(cid, 1, -1, -1, False)
        with pytest.raises(ValueError, match="unsupported unboundop 9"):
            channels.send(cid, 1, 9, blocking=False)
        with pytest.raises(ValueError, match="unsupported fallback 9"):
            channels.send(cid, 1, -1, 9, blocking=False)
        with pytest.raises(NotShareableError):
            channels.send(cid, [], -1, 0, blocking=False)
        with pytest.raises(TypeError):
            channels.send_buffer(cid, "text", blocking=False)
        assert channels.get_count(cid) == 0

    def test_a_timed_out_send_is_taken_back(self, cid):
        channels.send(cid, "first", blocking=False)
        with pytest.raises(TimeoutError, match="timed out"):
            channels.send(cid, "second", timeout=0.05)
        channels.send(cid, "third", blocking=False)
        assert [channels.recv(cid)[0], channels.recv(cid)[0]] == ["first", "third"]

    def test_defaults(self):
        assert channels.get_channel_defaults(channels.create()) == (UNBOUND, 1)
        cid = channels.create(KEEP, 0)
        assert channels.get_channel_defaults(cid) == (KEEP, 0)
        with pytest.raises(NotShareableError):
            channels.send(cid, [], blocking=False)
        for bad in ((9,), (-1, 9)):
            with pytest.raises(ValueError, match="unsupported"):
                channels.create(*bad)
        with pytest.raises(TypeError):
            channels.create("3")

    @pytest.mark.parametrize(
        ("flag", "expected"),
        [(UNBOUND, (None, UNBOUND)), (ERROR, (None, ERROR)), (KEEP, ("x", None)), (REMOVE, None)],
    )
    def test_items_of_a_dead_interpreter(self, cid, interp, flag, expected):
        channels.send(cid, "ours", blocking=False)
        channels.recv(cid)
        interp.exec(f"channels.send({cid}, 'x', {flag}, blocking=False)")
        interp.close()
        if expected is None:
            assert channels.get_count(cid) == 0
        else:
            assert channels.recv(cid) == expected

    def test_shareable_types(self, cid, interp):
        """test_shareable_types of CPython's tests, whose script nobody looks at."""
        for value in (None, True, 1, -(2**62), 0.5, "text", b"bytes", (), (1, ("x", b"y"))):
            channels.send(cid, value, blocking=False)
            interp.exec(
                f"obj, flag = channels.recv({cid})\n"
                f"assert (obj, type(obj), flag) == ({value!r}, type({value!r}), None)"
            )


class TestAssociation:
    def interpreters_of(self, cid):
        return (
            channels.list_interpreters(cid, send=True),
            channels.list_interpreters(cid, send=False),
        )

    def test_by_use(self, cid, interp):
        assert self.interpreters_of(cid) == ([], [])
        channels.send(cid, 1, blocking=False)
        assert self.interpreters_of(cid) == ([0], [])
        interp.exec(f"channels.recv({cid})")
        assert self.interpreters_of(cid) == ([0], [interp.id])
        interp.exec(f"channels.send({cid}, 1, blocking=False)")
        assert self.interpreters_of(cid) == ([0, interp.id], [interp.id])
        interp.close()
        assert self.interpreters_of(cid) == ([0], [])

    def test_a_reception_of_nothing_is_a_use(self, cid):
        channels.recv(cid, None)
        assert self.interpreters_of(cid) == ([], [0])

    def test_what_fails_before_is_no_use(self, cid):
        with pytest.raises(NotShareableError):
            channels.send(cid, [], -1, 0, blocking=False)
        assert self.interpreters_of(cid) == ([], [])

    def test_the_end_is_given_by_keyword(self, cid):
        with pytest.raises(TypeError):
            channels.list_interpreters(cid)
        with pytest.raises(TypeError):
            channels.list_interpreters(cid, True)

    def test_of_a_channel_whose_sending_end_is_closed(self, cid, interp):
        """What test_channel_list_interpreters_closed_send_end leaves out by returning early."""
        channels.send(cid, "send", blocking=False)
        channels.close(cid, send=True)
        with pytest.raises(ChannelClosedError):
            channels.list_interpreters(cid, send=True)
        assert channels.list_interpreters(cid, send=False) == []
        info = channels.get_info(cid)
        assert (info.open, info.closing, info.closed, info.count) == (False, True, False, 1)
        interp.exec(f"channels.close({cid}, force=True)")
        for end in (True, False):
            with pytest.raises(ChannelClosedError):
                channels.list_interpreters(cid, send=end)


class TestClose:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"send": True},
            {"recv": True},
            {"send": True, "recv": True},
            {"send": False, "recv": False},
            {"force": True},
        ],
    )
    @pytest.mark.parametrize("used", [True, False])
    def test_an_empty_one_closes_for_good(self, cid, options, used):
        if used:
            channels.send(cid, 1, blocking=False)
            channels.recv(cid)
        channels.close(cid, **options)
        assert channels.get_info(cid).closed
        for use in (
            lambda: channels.send(cid, 1),
            lambda: channels.recv(cid),
            lambda: channels.close(cid),
            lambda: channels.release(cid),
        ):
            with pytest.raises(ChannelClosedError):
                use()
        assert int(cid) not in [int(entry[0]) for entry in channels.list_all()]

    @pytest.mark.parametrize(
        "options",
        [{}, {"recv": True}, {"send": True, "recv": True}, {"send": False, "recv": False}],
    )
    def test_items_keep_it_open(self, cid, options):
        channels.send(cid, 1, blocking=False)
        with pytest.raises(ChannelNotEmptyError, match="may not be closed if not empty"):
            channels.close(cid, **options)
        channels.send(cid, 2, blocking=False)
        assert [channels.recv(cid)[0], channels.recv(cid)[0]] == [1, 2]

    @pytest.mark.parametrize("options", [{}, {"recv": True}, {"send": True}])
    def test_force_drops_the_items(self, cid, options):
        channels.send(cid, 1, blocking=False)
        channels.close(cid, force=True, **options)
        with pytest.raises(ChannelClosedError):
            channels.recv(cid)
        info = channels.get_info(cid)
        assert info.closed
        assert info.count == 0

    def test_by_an_interpreter_that_does_not_use_it(self, cid, interp):
        channels.send(cid, 1, blocking=False)
        interp.exec(f"channels.close({cid}, force=True)")
        with pytest.raises(ChannelClosedError):
            channels.recv(cid)

    def test_a_blocked_sender_keeps_waiting_while_its_item_can_be_received(self, cid, poll):
        done = []

        def send():
            channels.send(cid, "item")
            done.append(True)

        thread = threading.Thread(target=send)
        thread.start()
        poll(lambda: channels.get_count(cid) > 0)
        channels.close(cid, send=True)
        assert channels.recv(cid) == ("item", None)
        thread.join()
        assert done == [True]
        assert channels.get_info(cid).closed


class TestRelease:
    def test_of_a_never_used_channel_closes_it(self, cid):
        channels.release(cid)
        with pytest.raises(ChannelClosedError):
            channels.recv(cid)
        assert int(cid) in [int(entry[0]) for entry in channels.list_all()], "still listed"

    def test_twice(self, cid):
        channels.send(cid, 1, blocking=False)
        channels.recv(cid)
        channels.release(cid, send=True, recv=True)
        with pytest.raises(ChannelClosedError):
            channels.release(cid, send=True, recv=True)

    def test_an_end_cannot_be_used_again_from_there(self, cid, interp):
        channels.send(cid, 1, blocking=False)
        interp.exec(f"channels.recv({cid})")
        channels.release(cid, send=True)
        with pytest.raises(ChannelClosedError):
            channels.send(cid, 2, blocking=False)
        interp.exec(f"channels.send({cid}, 3, blocking=False)")
        assert channels.recv(cid) == (3, None)

    def test_with_a_receiver_items_stay(self, cid, interp):
        interp.exec(f"channels.recv({cid}, None)")
        channels.send(cid, "left", blocking=False)
        channels.release(cid, send=True)
        interp.exec(f"assert channels.recv({cid}) == ('left', None)")

    def test_with_nobody_left_items_go(self, cid):
        channels.send(cid, "left", blocking=False)
        channels.release(cid, send=True)
        with pytest.raises(ChannelClosedError):
            channels.recv(cid)

    def test_by_one_that_never_used_it_changes_nothing_for_others(self, cid, interp):
        channels.send(cid, 1, blocking=False)
        interp.exec(f"channels.release({cid})")
        assert channels.recv(cid) == (1, None)


class TestInfo:
    def test_it_is_a_named_tuple(self, cid):
        info = channels.get_info(cid)
        assert type(info) is ChannelInfo
        assert isinstance(info, tuple)
        assert tuple(info) == (True, False, False, 0, 0, 0, 0, 0)
        assert type(info.open) is bool
        assert ChannelInfo.n_sequence_fields == 8
        assert ChannelInfo.n_fields == 16

    def test_it_counts_interpreters(self, cid, interp):
        channels.send(cid, 1, blocking=False)
        interp.exec(f"channels.recv({cid}); channels.send({cid}, 2, blocking=False)")
        info = channels.get_info(cid)
        assert (info.count, info.num_interp_send, info.num_interp_recv, info.num_interp_both) == (
            1,
            1,
            0,
            1,
        )
        assert (info.send_associated, info.recv_associated) == (True, False)
        channels.release(cid, send=True)
        info = channels.get_info(cid)
        assert (info.num_interp_send, info.num_interp_send_released) == (0, 1)
        assert (info.send_associated, info.send_released) == (False, True)
        interp.exec(f"channels.release({cid}, recv=True)")
        assert channels.get_info(cid).num_interp_both_recv_released == 1


class TestRegistration:
    def test_receivers_import_the_module_of_the_ends(self, tmp_path, run_python):
        (tmp_path / "my_ends.py").write_text(
            dedent("""
            from atoll.lowlevel import channels
            class End:
                def __init__(self, number):
                    self.id = channels._channel_id(number, force=True)
            class Send(End): pass
            class Recv(End): pass
            channels._register_end_types(Send, Recv)
        """)
        )
        run_python(
            "-c",
            dedent("""
            import sys
            sys.path.insert(0, '.')
            import my_ends
            from atoll import interpreters
            cid = my_ends.channels.create()
            interp = interpreters.create()
            interp.prepare_main(end=my_ends.Send(int(cid)))
            interp.exec('assert type(end).__name__ == "Send" and end.id == %d' % cid)
            interp.close()
        """),
            check=True,
        )

    @pytest.mark.parametrize("args", [(), (1, 2), (int,)])
    def test_wrong_arguments(self, args):
        with pytest.raises(TypeError):
            channels._register_end_types(*args)

    def test_the_module_has_the_standard_one_s_names(self):
        _interpchannels = pytest.importorskip("_interpchannels")
        theirs = {name for name in dir(_interpchannels) if not name.startswith("__")}
        assert theirs <= set(dir(channels))

    def test_leftovers_make_no_noise_at_exit(self, run_python):
        done = run_python(
            "-c",
            "from atoll.lowlevel import channels as c; cid = c.create();"
            "c.send(cid, cid, blocking=False); c.send(cid, 'x', blocking=False)",
            check=True,
        )
        assert done.stdout == done.stderr == ""
