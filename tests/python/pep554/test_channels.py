"""Channels between interpreters through atoll.pep554."""

import math
import pickle
import threading
import time
from textwrap import dedent

import pytest

from atoll import interpreters
from atoll import pep554 as channels
from atoll.interpreters import InterpreterError, NotShareableError
from atoll.interpreters import _crossinterp as crossinterp
from atoll.interpreters import _queues as queues
from atoll.lowlevel import channels as lowlevel
from atoll.pep554 import (
    ChannelClosedError,
    ChannelEmptyError,
    ChannelError,
    ChannelNotEmptyError,
    ChannelNotFoundError,
    ItemInterpreterDestroyed,
    RecvChannel,
    SendChannel,
)


@pytest.fixture
def ends():
    return channels.create()


@pytest.fixture
def interp():
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


class TestEnds:
    def test_create_gives_both_ends_of_one_channel(self, ends):
        recv, send = ends
        assert type(recv) is RecvChannel
        assert type(send) is SendChannel
        assert recv.id.end == "recv"
        assert send.id.end == "send"
        assert int(recv.id) == int(send.id)
        assert recv.id != send.id
        assert repr(recv) == f"RecvChannel(id={int(recv.id)})"
        assert not recv.is_closed
        assert not send.is_closed

    def test_equality_is_by_end_and_number(self, ends):
        recv, send = ends
        number = int(recv.id)
        assert recv == RecvChannel(number)
        assert send == SendChannel(send.id)
        assert recv != send
        assert recv != RecvChannel(number + 1)
        assert recv != number
        assert hash(recv) == hash(RecvChannel(number)) == hash(recv.id)
        assert len({recv, RecvChannel(number), send}) == 2

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_pickling(self, ends, protocol):
        for end in ends:
            copy = pickle.loads(pickle.dumps(end, protocol))
            assert copy == end
            assert type(copy) is type(end)

    @pytest.mark.parametrize("end", [RecvChannel, SendChannel])
    @pytest.mark.parametrize(
        ("id", "error"),
        [
            ("1", TypeError),
            (None, TypeError),
            (1.0, TypeError),
            (-1, ValueError),
            (2**64, OverflowError),
        ],
    )
    def test_bad_ids(self, end, id, error):
        with pytest.raises(error):
            end(id)

    def test_an_end_of_no_channel_fails_when_it_is_used(self):
        recv, send = RecvChannel(10**9), SendChannel(10**9)
        for use in (
            lambda: recv.recv(),
            lambda: recv.recv_nowait(),
            lambda: recv.recv_nowait(1),
            lambda: send.send(1),
            lambda: send.send_nowait(1),
            recv.close,
            send.close,
            lambda: recv.is_closed,
            lambda: send.unbounditems,
        ):
            with pytest.raises(ChannelNotFoundError, match=f"channel {10**9} not found"):
                use()

    def test_ids_are_read_only(self, ends):
        for end in ends:
            with pytest.raises(AttributeError):
                end.id = 1

    def test_list_all(self, ends):
        assert ends in channels.list_all()
        ends[0].close()
        assert ends not in channels.list_all()

    def test_the_channel_lives_as_long_as_an_end(self):
        recv, send = channels.create()
        number = int(recv.id)
        del recv
        assert lowlevel.get_count(number) == 0
        del send
        with pytest.raises(ChannelNotFoundError):
            lowlevel.get_count(number)

    def test_ends_are_shareable(self, ends, interp):
        recv, send = ends
        for end in ends:
            assert interpreters.is_shareable(end)
            send.send_nowait(end)
            received = recv.recv_nowait()
            assert received == end
            assert received is not end
            assert type(received) is type(end)
        interp.prepare_main(recv=recv, send=send)
        interp.exec("send.send_nowait((recv, send))")
        assert recv.recv() == (recv, send)

    def test_an_end_that_travels_keeps_its_channel(self, ends):
        recv, send = ends
        inner_recv, inner_send = channels.create()
        inner_send.send_nowait("inside")
        send.send_nowait(inner_recv)
        del inner_recv, inner_send
        assert recv.recv().recv() == "inside"


class TestSendAndReceive:
    @pytest.mark.parametrize(
        "value", [None, 0, "text", b"bytes", (1, ("a",)), [1, 2], {"k": "v"}], ids=repr
    )
    def test_values(self, ends, value):
        recv, send = ends
        send.send_nowait(value)
        received = recv.recv()
        assert received == value
        assert type(received) is type(value)

    def test_within_another_interpreter(self, interp):
        """test_send_recv_same_interpreter, whose script CPython's tests do not look at."""
        interp.exec(
            dedent("""
            from atoll import pep554 as channels
            recv, send = channels.create()
            sent = b'spam'
            send.send_nowait(sent)
            received = recv.recv()
            assert received == sent and received is not sent
        """)
        )

    def test_between_interpreters(self, ends, interp):
        recv, send = ends
        back_recv, back_send = channels.create()
        interp.prepare_main(recv=recv, send=back_send)
        thread = interp.call_in_thread(exec, "for _ in range(200): send.send(recv.recv() + 1)")
        for number in range(200):
            send.send(number)
            assert back_recv.recv() == number + 1
        thread.join()

    def test_a_send_ends_when_the_item_was_received(self, ends, poll):
        recv, send = ends
        order = []

        def sender():
            send.send("item")
            order.append("sent")

        thread = threading.Thread(target=sender)
        thread.start()
        poll(lambda: lowlevel.get_count(recv.id) > 0)
        assert order == []
        assert recv.recv() == "item"
        thread.join()
        assert order == ["sent"]

    def test_recv_nowait(self, ends):
        recv, send = ends
        default = object()
        with pytest.raises(ChannelEmptyError, match=f"channel {int(recv.id)} is empty"):
            recv.recv_nowait()
        assert recv.recv_nowait(default) is default
        assert recv.recv_nowait(None) is None
        send.send_nowait(1)
        assert recv.recv_nowait(default) == 1

    def test_timeouts(self, ends):
        recv, send = ends
        for use in (lambda: recv.recv(timeout=0.2), lambda: send.send("taken back", timeout=0.2)):
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                use()
            assert time.monotonic() - start >= 0.2
        for use in (lambda: recv.recv(timeout=0), lambda: send.send("taken back", timeout=0)):
            with pytest.raises(TimeoutError):
                use()
        with pytest.raises(ChannelEmptyError):
            recv.recv_nowait()

    @pytest.mark.parametrize(
        ("timeout", "error"),
        [
            (-1, ValueError),
            (-0.1, ValueError),
            (math.nan, ValueError),
            ("1", TypeError),
            ([], TypeError),
        ],
    )
    def test_bad_timeouts(self, ends, timeout, error):
        recv, send = ends
        for use in (
            recv.recv,
            lambda timeout: send.send(1, timeout),
            lambda timeout: send.send_buffer(b"1", timeout),
        ):
            with pytest.raises(error):
                use(timeout)
        assert lowlevel.get_count(recv.id) == 0

    @pytest.mark.parametrize("timeout", [1e300, math.inf, 10**400])
    def test_huge_timeouts(self, ends, timeout):
        recv, send = ends
        thread = threading.Thread(target=send.send, args=(1, timeout))
        thread.start()
        assert recv.recv(timeout) == 1
        thread.join()

    def test_an_unsendable_object_is_refused(self, ends):
        recv, send = ends

        class Unsendable:
            __reduce_ex__ = None

        for use in (send.send, send.send_nowait):
            with pytest.raises(NotShareableError):
                use(Unsendable())
        assert lowlevel.get_count(recv.id) == 0

    def test_buffers_share_their_memory(self, ends, interp):
        recv, send = ends
        data = bytearray(b"0123")
        interp.prepare_main(recv=recv)
        send.send_buffer_nowait(data)
        interp.exec("view = recv.recv(); view[0:1] = b'x'")
        assert data == b"x123"
        interp.exec("view.release()")
        thread = threading.Thread(target=send.send_buffer, args=(data,))
        thread.start()
        view = recv.recv()
        thread.join()
        assert type(view) is memoryview
        assert view == data
        data[3:4] = b"y"
        assert bytes(view) == b"x12y"
        with pytest.raises(TypeError):
            send.send_buffer(1)

    def test_many_senders_one_receiver(self, ends):
        recv, send = ends
        threads = [
            threading.Thread(target=lambda name=name: [send.send((name, i)) for i in range(100)])
            for name in range(8)
        ]
        for thread in threads:
            thread.start()
        received = [recv.recv() for _ in range(800)]
        for thread in threads:
            thread.join()
        for name in range(8):
            assert [i for who, i in received if who == name] == list(range(100))


class TestClose:
    def test_the_sending_end_first(self, ends):
        recv, send = ends
        send.send_nowait(1)
        send.send_nowait(2)
        send.close()
        assert send.is_closed
        assert not recv.is_closed
        with pytest.raises(ChannelClosedError):
            send.send_nowait(3)
        assert [recv.recv(), recv.recv_nowait()] == [1, 2]
        assert recv.is_closed
        for use in (
            recv.recv,
            recv.recv_nowait,
            lambda: recv.recv_nowait(None),
            recv.close,
            send.close,
        ):
            with pytest.raises(ChannelClosedError, match=f"channel {int(recv.id)} is closed"):
                use()

    def test_the_receiving_end_needs_an_empty_channel(self, ends):
        recv, send = ends
        send.send_nowait(1)
        with pytest.raises(ChannelNotEmptyError):
            recv.close()
        send.send_nowait(2)
        assert [recv.recv(), recv.recv()] == [1, 2]
        recv.close()
        assert recv.is_closed
        assert send.is_closed

    def test_those_who_wait_wake(self, ends, poll):
        recv, send = ends
        other_recv, other_send = channels.create()
        errors = []

        def run(use):
            try:
                use()
            except ChannelClosedError as error:
                errors.append(error)

        threads = [
            threading.Thread(target=run, args=(use,))
            for use in (recv.recv, lambda: recv.recv(timeout=600), lambda: other_send.send(1))
        ]
        for thread in threads:
            thread.start()
        poll(lambda: lowlevel.get_count(other_recv.id) > 0)
        lowlevel.close(other_send.id, force=True)
        send.close()
        for thread in threads:
            thread.join()
        assert len(errors) == 3
        assert all(isinstance(error, RuntimeError) for error in errors)

    def test_errors_have_a_common_base(self):
        for error in (
            ChannelClosedError,
            ChannelEmptyError,
            ChannelNotEmptyError,
            ChannelNotFoundError,
            ItemInterpreterDestroyed,
        ):
            assert issubclass(error, ChannelError)
        assert issubclass(ChannelError, RuntimeError)


class TestUnboundItems:
    @pytest.mark.parametrize("name", ["UNBOUND", "UNBOUND_ERROR", "UNBOUND_REMOVE", "UNBOUND_KEEP"])
    @pytest.mark.parametrize("as_default", [True, False])
    def test_policies(self, interp, name, as_default):
        constant = getattr(channels, name)
        recv, send = channels.create(unbounditems=constant) if as_default else channels.create()
        assert send.unbounditems is (constant if as_default else channels.UNBOUND)
        # This interpreter uses the channel as well, so it does not close with the sender.
        send.send_nowait("ours")
        interp.prepare_main(send=send)
        options = "" if as_default else f", unbounditems=channels.{name}"
        interp.exec(f"from atoll import pep554 as channels; send.send_nowait('gone'{options})")
        interp.close()
        send.send_nowait("also ours")
        assert recv.recv() == "ours"
        if name == "UNBOUND":
            assert recv.recv() is channels.UNBOUND
        elif name == "UNBOUND_ERROR":
            with pytest.raises(ItemInterpreterDestroyed):
                recv.recv()
        elif name == "UNBOUND_KEEP":
            assert recv.recv() == "gone"
        assert recv.recv() == "also ours"

    def test_a_channel_that_only_the_dead_one_used_is_closed(self, ends, interp):
        recv, send = ends
        interp.prepare_main(send=send)
        interp.exec("send.send_nowait('gone')")
        interp.close()
        with pytest.raises(ChannelClosedError):
            recv.recv_nowait()

    def test_constants(self):
        assert channels.UNBOUND_ERROR is queues.UNBOUND_ERROR is crossinterp.UNBOUND_ERROR
        assert channels.UNBOUND_REMOVE is queues.UNBOUND_REMOVE is crossinterp.UNBOUND_REMOVE
        assert len({channels.UNBOUND, queues.UNBOUND, crossinterp.UNBOUND}) == 3
        assert repr(channels.UNBOUND) == "atoll.pep554.UNBOUND"
        for bad in ("UNBOUND", 3, []):
            with pytest.raises(NotImplementedError):
                channels.create(unbounditems=bad)


class TestInterpreterEnd:
    def test_its_threads_stop_waiting(self, ends, interp):
        recv, send = ends
        report_recv, report_send = channels.create()
        lowlevel.send(report_recv.id, None, blocking=False)
        report_recv.recv()
        interp.prepare_main(recv=recv, send=send, report=report_send)
        interp.exec(
            dedent("""
            import threading
            from atoll import pep554 as channels
            from atoll.interpreters import InterpreterError
            def wait(use):
                report.send_nowait('waits')
                try:
                    use()
                except InterpreterError as error:
                    report.send_nowait(str(error), unbounditems=channels.UNBOUND_KEEP)
            threading.Thread(target=wait, args=(recv.recv,)).start()
        """)
        )
        assert report_recv.recv() == "waits"
        interp.close()
        assert "is being closed" in report_recv.recv_nowait()

    def test_a_blocked_send_of_its_own_thread_is_taken_back(self, ends, interp, poll):
        recv, send = ends
        lowlevel.send(send.id, "ours", blocking=False)
        interp.prepare_main(send=send)
        interp.exec(
            dedent("""
            import threading
            from atoll.interpreters import InterpreterError
            def wait():
                try:
                    send.send('never received')
                except InterpreterError:
                    pass
            threading.Thread(target=wait).start()
        """)
        )
        poll(lambda: lowlevel.get_count(recv.id) == 2)
        interp.close()
        assert recv.recv_nowait() == "ours"
        with pytest.raises(ChannelEmptyError):
            recv.recv_nowait()


class TestOldName:
    def test_it_is_the_same_module(self, run_python):
        done = run_python(
            "-c",
            "import atoll, atoll.channels, pickle, sys\n"
            "from atoll import channels, pep554\n"
            "assert atoll.channels is channels is pep554 is atoll.pep554\n"
            "assert sys.modules['atoll.channels'] is sys.modules['atoll.pep554'] is pep554\n"
            "receiver, sender = channels.create()\n"
            "text = pickle.dumps(receiver, 0)\n"
            "assert b'atoll.pep554' in text\n"
            "old = text.replace(b'atoll.pep554', b'atoll.channels')\n"
            "assert pickle.loads(old) == pickle.loads(text) == receiver\n",
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_on_access(self, run_python):
        done = run_python("-W", "error", "-c", "import atoll; print(atoll.channels.__name__)")
        assert (done.stdout, done.stderr) == ("atoll.pep554\n", "")
