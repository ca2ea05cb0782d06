"""select(): the semantics of Go's, its options, and what may race with it."""

import gc
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import atoll
from atoll import Closed, WouldBlock, interpreters
from atoll.interpreters import NotShareableError, _queues, create_queue
from atoll.lowlevel import queues

type InThread = Callable[..., Any]


def filled(*values: Any) -> tuple[Any, Any]:
    """A channel that holds these values, with room for no more."""
    tx, rx = atoll.channel(len(values))
    for value in values:
        tx.send(value)
    return tx, rx


#: A channel without a sender is closed.
_senders: list[Any] = []


def holding(*values: Any) -> Any:
    """The receiver of a channel that holds these values, and stays open."""
    tx, rx = filled(*values)
    _senders.append(tx)
    return rx


def idle() -> Any:
    """A receiver to which nobody ever sends."""
    return holding()


class TestResult:
    def test_receive(self) -> None:
        empty = idle()
        rx = holding("value")
        selected = atoll.select(empty, rx)
        assert selected == (1, rx, "value", False)
        assert selected.index == 1
        assert selected.channel is rx
        assert selected.value == "value"
        assert selected.closed is False

    def test_send(self) -> None:
        tx, rx = atoll.channel(1)
        assert atoll.select((tx, "sent")) == (0, tx, None, False)
        assert rx.recv() == "sent"

    def test_none_as_a_value(self) -> None:
        rx = holding(None)
        assert atoll.select(rx) == (0, rx, None, False)

    def test_unpacked_and_matched(self) -> None:
        rx = holding(7)
        match atoll.select(rx):
            case atoll.Selected(index=0, value=number, closed=False):
                assert number == 7
            case other:
                pytest.fail(repr(other))
        index, channel, value, closed = atoll.select(rx, default=3)
        assert (index, channel, value, closed) == (None, None, 3, False)

    def test_repr(self) -> None:
        selected = atoll.select(default=1)
        text = "atoll.Selected(index=None, channel=None, value=1, closed=False)"
        assert repr(selected) == text

    def test_a_closed_receiver_is_ready(self) -> None:
        tx, rx = filled("left")
        tx.close()
        assert atoll.select(rx) == (0, rx, "left", False)
        for _ in range(3):
            assert atoll.select(rx) == (0, rx, None, True)

    def test_a_send_on_a_closed_channel_raises(self) -> None:
        tx, rx = atoll.channel(1)
        never = idle()
        rx.close()
        with pytest.raises(Closed, match="no receiver"):
            atoll.select(never, (tx, 1))

    def test_a_closed_clone_raises(self) -> None:
        tx, rx = filled(1)
        other_tx, other_rx = tx.clone(), rx.clone()
        rx.close()
        with pytest.raises(Closed, match="this Receiver"):
            atoll.select(rx, default=None)
        tx.close()
        with pytest.raises(Closed, match="this Sender"):
            atoll.select((tx, 1), other_rx)
        assert atoll.select(other_rx).value == 1
        other_tx.close()

    def test_none_is_never_ready(self) -> None:
        rx = holding(1)
        assert atoll.select(None, None, rx, None).index == 2
        with pytest.raises(TimeoutError):
            atoll.select(None, rx, timeout=0)


class TestOptions:
    def test_default(self) -> None:
        tx, rx = atoll.channel()
        marker = object()
        assert atoll.select(rx, (tx, 1), default=marker).value is marker
        assert atoll.select(rx, default=None) == (None, None, None, False)
        assert atoll.select(default=0).value == 0
        assert atoll.select(None, default=0, timeout=None).value == 0

    def test_default_is_not_taken_when_a_case_is_ready(self) -> None:
        rx = holding(1)
        assert atoll.select(rx, default=None).value == 1

    def test_default_after_a_timeout(self, background: InThread) -> None:
        tx, rx = atoll.channel()
        start = time.monotonic()
        assert atoll.select(rx, timeout=0.05, default="late") == (None, None, "late", False)
        assert time.monotonic() - start >= 0.05
        sender = background(tx.send, 1)
        assert atoll.select(rx, timeout=60, default="late").value == 1
        sender.result()

    def test_timeout(self) -> None:
        tx, rx = atoll.channel()
        for timeout in (0, 0.05):
            start = time.monotonic()
            with pytest.raises(TimeoutError, match="no case was ready"):
                atoll.select(rx, (tx, 1), timeout=timeout)
            assert time.monotonic() - start >= timeout

    def test_timeout_without_cases(self) -> None:
        for cases in ((), (None,), (None, None)):
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                atoll.select(*cases, timeout=0.02)
            assert time.monotonic() - start >= 0.02

    def test_order_given(self) -> None:
        first = holding(*range(100))
        second = holding(*range(100))
        assert [atoll.select(None, first, second, order="given").index for _ in range(100)] == (
            [1] * 100
        )

    @pytest.mark.parametrize("options", [{}, {"default": None}, {"timeout": 60}])
    def test_fairness(self, options: dict[str, Any]) -> None:
        """Of two that are ready each is taken in 40 % to 60 % of the cases."""
        count = 10_000
        (tx1, rx1), (tx2, rx2) = atoll.channel(None), atoll.channel(None)
        for number in range(count):
            tx1.send(number)
            tx2.send(number)
        taken = [0, 0]
        for _ in range(count):
            taken[atoll.select(rx1, rx2, **options).index] += 1
        assert sum(taken) == count
        assert 0.4 * count < taken[0] < 0.6 * count

    def test_fairness_of_sends(self) -> None:
        count = 10_000
        (tx1, rx1), (tx2, rx2) = atoll.channel(None), atoll.channel(None)
        for number in range(count):
            atoll.select((tx1, number), (tx2, number))
        assert len(rx1) + len(rx2) == count
        assert 0.4 * count < len(rx1) < 0.6 * count

    def test_fairness_of_many(self) -> None:
        channels = [atoll.channel(None) for _ in range(40)]
        for tx, _ in channels:
            for number in range(1000):
                tx.send(number)
        taken = [0] * 40
        for _ in range(8000):
            taken[atoll.select(*(rx for _, rx in channels)).index] += 1
        assert min(taken) > 100, "200 is the mean"


class TestBadInput:
    def test_waiting_for_ever_is_refused(self) -> None:
        for cases in ((), (None,), (None, None)):
            for timeout in (None, math.inf):
                with pytest.raises(ValueError, match="for ever"):
                    atoll.select(*cases, timeout=timeout)

    def test_cases(self) -> None:
        tx, rx = atoll.channel(1)
        wrong = [tx, (rx, 1), (tx,), (tx, 1, 2), [tx, 1], 1, "rx", (), object(), atoll.channel]
        for case in wrong:
            with pytest.raises(TypeError, match="case 1 of select"):
                atoll.select((tx, "not sent"), case)
        assert len(rx) == 0

    def test_options(self) -> None:
        tx, rx = atoll.channel(1)
        for wrong in (-1, math.nan, -math.inf):
            with pytest.raises(ValueError):
                atoll.select((tx, 1), timeout=wrong)
        for order in ("", "Random", "fifo"):
            with pytest.raises(ValueError, match="'random' or 'given'"):
                atoll.select((tx, 1), order=order)
        options: list[dict[str, Any]] = [
            {"timeout": "1"},
            {"order": 1},
            {"order": None},
            {"wait": 1},
        ]
        for option in options:
            with pytest.raises(TypeError):
                atoll.select((tx, 1), **option)
        assert len(rx) == 0

    def test_what_cannot_travel(self) -> None:
        tx, rx = atoll.channel(1)
        ready = holding(1)
        with pytest.raises(NotShareableError):
            atoll.select(ready, (tx, threading.Lock()))
        assert len(rx) == 0
        assert len(ready) == 1


class TestLosingCases:
    def test_consume_nothing(self) -> None:
        empty = idle()
        full_tx, full_rx = filled(1)
        room_tx, room_rx = atoll.channel(1)
        first = holding("first")
        second = holding("second")
        selected = atoll.select(empty, (full_tx, 2), first, second, (room_tx, 3), order="given")
        assert selected == (2, first, "first", False)
        assert list(map(len, (full_rx, first, second, room_rx))) == [1, 0, 1, 0]

    def test_release_what_they_would_have_sent(self) -> None:
        full_tx, _full_rx = filled(1)
        inner_tx, inner_rx = atoll.channel(1)
        ready = holding(2)
        atoll.select((full_tx, inner_tx), ready)
        inner_tx.close()
        assert inner_rx.closed

    def test_leave_the_line(self, start_blocked: InThread) -> None:
        tx1, rx1 = atoll.channel()
        tx2, rx2 = atoll.channel()
        tx3, rx3 = atoll.channel()
        blocked = start_blocked(atoll.select, rx1, rx2, (tx3, 1))
        tx1.send("one")
        assert blocked.result().value == "one"
        with pytest.raises(WouldBlock):
            tx2.send_nowait(2)
        with pytest.raises(WouldBlock):
            rx3.recv_nowait()

    def test_leave_the_line_after_a_timeout(self) -> None:
        tx, rx = atoll.channel()
        other_tx, other_rx = atoll.channel()
        with pytest.raises(TimeoutError):
            atoll.select(rx, (other_tx, 1), timeout=0.001)
        with pytest.raises(WouldBlock):
            tx.send_nowait(1)
        with pytest.raises(WouldBlock):
            other_rx.recv_nowait()


class TestBlocking:
    def test_wakes_for_either(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        other_tx, other_rx = atoll.channel()
        blocked = start_blocked(atoll.select, rx, (other_tx, "out"))
        tx.send("in")
        assert blocked.result() == (0, rx, "in", False)
        blocked = start_blocked(atoll.select, rx, (other_tx, "out"))
        assert other_rx.recv() == "out"
        assert blocked.result() == (1, other_tx, None, False)

    def test_close_wakes(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        blocked = start_blocked(atoll.select, rx, None)
        tx.close()
        assert blocked.result() == (0, rx, None, True)
        tx, rx = atoll.channel()
        blocked = start_blocked(atoll.select, None, (tx, 1))
        rx.close()
        with pytest.raises(Closed, match="no receiver"):
            blocked.result()

    def test_closing_an_own_clone_wakes(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        other = tx.clone(), rx.clone()
        never = atoll.channel()
        for cases, mine in (((rx, never[1]), rx), ((never[1], (tx, 1)), tx)):
            blocked = start_blocked(atoll.select, *cases)
            mine.close()
            with pytest.raises(Closed, match=r"this (Sender|Receiver)"):
                blocked.result()
        with pytest.raises(WouldBlock):
            other[0].send_nowait(1)
        with pytest.raises(WouldBlock):
            other[1].recv_nowait()

    def test_both_directions_on_one_channel(self, background: InThread) -> None:
        """A select never meets itself; two of them meet each other, over and over."""
        tx, rx = atoll.channel()
        assert atoll.select(rx, (tx, 1), default=None).index is None
        count = 2000
        log: list[tuple[str, int]] = []

        def work(name: int) -> int:
            balance = 0
            for number in range(count):
                selected = atoll.select(rx, (tx, name * count + number), timeout=60)
                if selected.index == 0:
                    log.append(("got", selected.value))
                    balance -= 1
                else:
                    log.append(("sent", name * count + number))
                    balance += 1
            return balance

        assert sum(each.result() for each in [background(work, 0), background(work, 1)]) == 0
        got = sorted(number for kind, number in log if kind == "got")
        assert got == sorted(number for kind, number in log if kind == "sent")
        assert len(got) == count

    def test_the_same_receiver_twice(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        blocked = start_blocked(atoll.select, rx, rx, rx)
        tx.send(5)
        assert blocked.result().value == 5
        tx.close()
        assert atoll.select(rx, rx).closed

    def test_one_value_wakes_one(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        other = idle()
        blocked = [start_blocked(atoll.select, rx, other) for _ in range(4)]
        for number in range(3):
            tx.send(number)
        tx.close()
        results = [each.result() for each in blocked]
        assert sorted(each.value for each in results if not each.closed) == [0, 1, 2]
        assert [each.closed for each in results].count(True) == 1

    def test_sixteen_and_more_cases(self, start_blocked: InThread) -> None:
        channels = [atoll.channel() for _ in range(100)]
        for index in (0, 57, 99):
            blocked = start_blocked(atoll.select, *(rx for _, rx in channels))
            channels[index][0].send("here")
            assert blocked.result()[:3] == (index, channels[index][1], "here")

    def test_nothing_is_lost_or_doubled(self, background: InThread) -> None:
        """4 senders that select among 4 channels, 4 receivers that do the same."""
        count = 1000
        channels = [atoll.channel(capacity) for capacity in (0, 0, 1, 5)]

        def send(name: int) -> None:
            for number in range(count):
                atoll.select(*((tx, name * count + number) for tx, _ in channels))

        def receive() -> list[int]:
            got = []
            open_ones = [rx for _, rx in channels]
            while open_ones:
                selected = atoll.select(*open_ones)
                if selected.closed:
                    open_ones.remove(selected.channel)
                else:
                    got.append(selected.value)
            return got

        receivers = [background(receive) for _ in range(4)]
        for sender in [background(send, name) for name in range(4)]:
            sender.result()
        for tx, _ in channels:
            tx.close()
        received = sorted(value for each in receivers for value in each.result())
        assert received == list(range(4 * count))

    def test_ten_thousand_timeouts_race_with_sends(self, background: InThread) -> None:
        tx, rx = atoll.channel()
        sent: list[int] = []

        def send() -> None:
            with tx:
                for number in range(10_000):
                    late = atoll.after((number % 7) * 1e-6)
                    if atoll.select((tx, number), late).index == 0:
                        sent.append(number)

        sender = background(send)
        received = []
        attempt = 0
        while True:
            attempt += 1
            selected = atoll.select(rx, timeout=(attempt % 5) * 1e-6, default=None)
            if selected.closed:
                break
            if selected.index == 0:
                received.append(selected.value)
        sender.result()
        assert received == sent

    def test_across_interpreters(self) -> None:
        """A server in one interpreter selects among requests, a ticker, and the order to stop."""
        request_tx, requests = atoll.channel()
        answer_tx, answers = atoll.channel()
        stop_tx, stop = atoll.channel()
        server = interpreters.create()
        server.prepare_main(requests=requests, answers=answer_tx, stop=stop)
        for end in (requests, answer_tx, stop):
            end.close()
        thread = server.call_in_thread(exec, SERVER)
        for number in range(200):
            request_tx.send(number)
            assert answers.recv() == number * number
        stop_tx.close()
        with pytest.raises(Closed):
            answers.recv()
        thread.join()
        server.close()


SERVER = """
import atoll
with requests, answers, stop, atoll.ticker(0.001) as ticks:
    while True:
        index, _, value, _ = atoll.select(stop, requests, ticks)
        if index == 0:
            break
        if index == 1:
            answers.send(value * value)
"""


class TestTimers:
    def test_after_as_a_timeout(self) -> None:
        never = idle()
        start = time.monotonic()
        timer = atoll.after(0.03)
        index, channel, due, closed = atoll.select(never, timer)
        assert (index, channel, closed) == (1, timer, False)
        assert start + 0.03 <= due <= time.monotonic()
        assert atoll.select(never, timer) == (1, timer, None, True)

    def test_stop_wakes(self, start_blocked: InThread) -> None:
        never = idle()
        ticker = atoll.ticker(3600)
        blocked = start_blocked(atoll.select, never, ticker.clone())
        ticker.stop()
        assert blocked.result()[2:] == (None, True)

    def test_the_earliest_of_several(self) -> None:
        timers = [atoll.after(600), atoll.after(0.001), atoll.ticker(600)]
        assert atoll.select(*timers).index == 1
        with pytest.raises(TimeoutError):
            atoll.select(timers[0], timers[2], timeout=0.001)


class TestQueues:
    def test_get(self, background: InThread) -> None:
        queue = create_queue()
        never = idle()
        queue.put([1])
        assert atoll.select(never, queue) == (1, queue, [1], False)
        putter = background(queue.put, 2)
        assert atoll.select(never, queue).value == 2
        putter.result()
        assert queue.empty()

    def test_unbound_items(self) -> None:
        queue = create_queue()
        interp = interpreters.create()
        interp.prepare_main(queue=queue)
        interp.exec("queue.put(1)")
        interp.close()
        assert atoll.select(queue).value is _queues.UNBOUND

    def test_destroyed_meanwhile(self, start_blocked: InThread) -> None:
        queue = create_queue()
        blocked = start_blocked(atoll.select, queue)
        queues.destroy(queue.id)
        with pytest.raises(queues.QueueNotFoundError):
            blocked.result()


class TestReentrance:
    def test_pickling_that_closes_an_end(self) -> None:
        tx, rx = atoll.channel(1)
        other = rx.clone()
        with pytest.raises(Closed, match="this Sender"):
            atoll.select((tx, _Closes(tx)), other)
        with pytest.raises(Closed, match="this Sender"):
            tx.send(_Closes(tx))
        gc.collect()
        assert other.closed


class _Closes:
    def __init__(self, end: Any) -> None:
        self.end = end

    def __reduce__(self) -> tuple[Any, ...]:
        self.end.close()
        return (int, ())
