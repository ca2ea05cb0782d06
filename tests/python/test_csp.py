"""Channels: ends, clones, closing, travel between interpreters, timers, life and death."""

import gc
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from textwrap import dedent
from typing import Any

import pytest

import atoll
from atoll import Closed, Receiver, Sender, WouldBlock, interpreters
from atoll.interpreters import Interpreter, InterpreterError, NotShareableError, create_queue

type RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def interp() -> Iterator[Interpreter]:
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


class Background:
    """A call in a thread of its own; `result()` waits for it, and raises what it raised."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._outcome: list[Any] = []
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._outcome.append(function(*args))
            except BaseException as error:
                self._error = error

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join(60)
        assert not self._thread.is_alive(), "it hangs"
        if self._error:
            raise self._error
        return self._outcome[0]


def wait_until(condition: Callable[[], bool]) -> None:
    """For a state that another thread is about to reach and that cannot be waited for."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        os.sched_yield()


def is_blocked(thread_id: int) -> bool:
    """Does the thread sleep in the kernel?"""
    with open(f"/proc/self/task/{thread_id}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] == "S"


def start_blocked(function: Callable[..., Any], *args: Any) -> Background:
    """As Background, and returns when the call most probably sleeps."""
    ids: list[int] = []

    def run() -> Any:
        ids.append(threading.get_native_id())
        return function(*args)

    background = Background(run)
    wait_until(lambda: bool(ids) and is_blocked(ids[0]))
    return background


class TestEnds:
    def test_values_arrive_in_order_as_copies(self) -> None:
        tx, rx = atoll.channel(3)
        value = {"list": [1, 2]}
        for item in (value, None, "three"):
            tx.send(item)
        received = [rx.recv() for _ in range(3)]
        assert received == [value, None, "three"]
        assert received[0] is not value

    def test_capacity_bounds(self) -> None:
        tx, rx = atoll.channel(2)
        assert tx.capacity == rx.capacity == 2
        tx.send_nowait(1)
        tx.send_nowait(2)
        assert len(tx) == len(rx) == 2
        with pytest.raises(WouldBlock, match="full"):
            tx.send_nowait(3)
        assert [rx.recv_nowait(), rx.recv_nowait()] == [1, 2]
        with pytest.raises(WouldBlock, match="empty"):
            rx.recv_nowait()

    def test_unbounded(self) -> None:
        tx, rx = atoll.channel(None)
        assert tx.capacity is None
        for number in range(10_000):
            tx.send_nowait(number)
        assert [rx.recv_nowait() for _ in range(10_000)] == list(range(10_000))

    def test_rendezvous(self) -> None:
        tx, rx = atoll.channel()
        assert tx.capacity == 0
        with pytest.raises(WouldBlock, match="no receiver waits"):
            tx.send_nowait(1)
        with pytest.raises(WouldBlock, match="no sender waits"):
            rx.recv_nowait()
        sender = start_blocked(tx.send, "here")
        assert len(rx) == 0
        assert rx.recv_nowait() == "here"
        assert sender.result() is None
        receiver = start_blocked(rx.recv)
        tx.send_nowait("there")
        assert receiver.result() == "there"

    def test_a_rendezvous_is_over_when_the_value_is_taken(self) -> None:
        """What the sender did before its send happened before what the receiver does after."""
        tx, rx = atoll.channel(0)
        log: list[int] = []

        def send() -> None:
            for number in range(100):
                log.append(number)
                tx.send(number)

        sender = Background(send)
        for number in range(100):
            assert rx.recv() == number
            assert log[: number + 1] == list(range(number + 1))
            assert len(log) <= number + 2
        sender.result()

    def test_final_and_not_to_be_made_by_hand(self) -> None:
        for kind in (Sender, Receiver):
            with pytest.raises(TypeError):
                kind()
            with pytest.raises(TypeError):
                type("Sub", (kind,), {})
        assert Sender.__module__ == Receiver.__module__ == "atoll"

    def test_identity(self) -> None:
        tx, rx = atoll.channel()
        assert tx == tx.clone()
        assert hash(tx) == hash(tx.clone())
        assert rx == rx.clone()
        assert tx != rx
        assert tx != atoll.channel()[0]
        assert {tx: 1}[tx.clone()] == 1
        with pytest.raises(TypeError):
            tx < tx  # type: ignore[operator]  # noqa: B015

    def test_an_empty_channel_is_true(self) -> None:
        tx, rx = atoll.channel()
        assert tx
        assert rx

    def test_repr(self) -> None:
        tx, rx = atoll.channel()
        name = repr(tx).partition(" of ")[2]
        assert repr(tx) == f"<atoll.Sender of {name}"
        assert repr(rx) == f"<atoll.Receiver of {name}"
        tx.close()
        assert repr(tx) == f"<atoll.Sender of {name[:-1]}, closed>"

    def test_weak_references(self) -> None:
        tx, rx = atoll.channel()
        seen = weakref.ref(tx), weakref.ref(rx)
        assert seen[0]() is tx
        del tx, rx
        assert seen[0]() is seen[1]() is None

    def test_annotations_at_run_time(self) -> None:
        assert str(Sender[int]) == "atoll.Sender[int]"
        assert str(Receiver[str]) == "atoll.Receiver[str]"

    def test_plain_pickle_and_copies_are_refused(self) -> None:
        for end in atoll.channel():
            with pytest.raises(TypeError):
                pickle.dumps(end)

    def test_what_cannot_travel_is_not_sent(self) -> None:
        tx, rx = atoll.channel(1)
        with pytest.raises(NotShareableError):
            tx.send(threading.Lock())
        assert len(rx) == 0
        tx.send(1)
        assert rx.recv() == 1


class TestBadInput:
    @pytest.mark.parametrize("capacity", [-1, -(2**70)])
    def test_capacity_negative(self, capacity: int) -> None:
        with pytest.raises((ValueError, OverflowError)):
            atoll.channel(capacity)

    def test_capacity_too_large(self) -> None:
        with pytest.raises(OverflowError):
            atoll.channel(2**70)
        assert atoll.channel(sys.maxsize)[0].capacity == sys.maxsize

    @pytest.mark.parametrize("capacity", [1.0, "1", [], ...])
    def test_capacity_of_a_wrong_type(self, capacity: Any) -> None:
        with pytest.raises(TypeError):
            atoll.channel(capacity)

    @pytest.mark.parametrize("timeout", [-1, -0.001, -math.inf, -(10**400), math.nan])
    def test_timeouts_negative_and_nan(self, timeout: float) -> None:
        tx, rx = atoll.channel(2)
        tx.send(1)
        for use in (lambda: rx.recv(timeout), lambda: tx.send(1, timeout=timeout)):
            with pytest.raises(ValueError):
                use()
        assert len(rx) == 1

    @pytest.mark.parametrize("timeout", ["1", b"1", [], object(), 1j])
    def test_timeouts_that_are_no_numbers(self, timeout: Any) -> None:
        tx, rx = atoll.channel(2)
        tx.send(1)
        for use in (lambda: rx.recv(timeout=timeout), lambda: tx.send(1, timeout)):
            with pytest.raises(TypeError):
                use()
        assert len(rx) == 1

    def test_arguments(self) -> None:
        tx, rx = atoll.channel(1)
        wrong: list[Callable[[], Any]] = [
            lambda: tx.send(),  # type: ignore[call-arg]
            lambda: tx.send(1, 2, 3),  # type: ignore[call-arg]
            lambda: tx.send(1, time=2),  # type: ignore[call-arg]
            lambda: rx.recv(1, 2),  # type: ignore[call-arg]
            lambda: rx.recv(default=2),  # type: ignore[call-arg]
            lambda: atoll.channel(1, 2),  # type: ignore[call-arg]
            lambda: atoll.channel(size=1),  # type: ignore[call-arg]
            lambda: atoll.after(),  # type: ignore[call-arg]
            lambda: tx.recv(),  # type: ignore[attr-defined]
            lambda: rx.send(1),  # type: ignore[attr-defined]
        ]
        for use in wrong:
            with pytest.raises((TypeError, AttributeError)):
                use()
        assert len(rx) == 0


class TestTimeouts:
    def test_zero_does_not_wait(self) -> None:
        tx, rx = atoll.channel(1)
        with pytest.raises(TimeoutError):
            rx.recv(0)
        tx.send(1, 0)
        with pytest.raises(TimeoutError, match="nothing was sent"):
            tx.send(2, timeout=0)
        assert rx.recv(timeout=0) == 1

    @pytest.mark.parametrize("timeout", [0.1, Fraction(1, 10)])
    def test_fractions_of_a_second_are_waited_for(self, timeout: Any) -> None:
        tx, rx = atoll.channel(0)
        for use in (lambda: rx.recv(timeout), lambda: tx.send(1, timeout)):
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                use()
            assert 0.1 <= time.monotonic() - start < 5
        with pytest.raises(WouldBlock):  # the send was withdrawn
            rx.recv_nowait()

    @pytest.mark.parametrize("timeout", [None, 1e9, 1e300, math.inf, 10**400])
    def test_huge_ones_wait_as_long_as_it_takes(self, timeout: float | None) -> None:
        tx, rx = atoll.channel()
        receiver = Background(rx.recv, timeout)
        tx.send("came", timeout)
        assert receiver.result() == "came"

    def test_ten_thousand_timeouts_race_with_sends(self) -> None:
        """What a send says is true: timed out, and nobody has it; or returned, and somebody has."""
        tx, rx = atoll.channel()
        sent: list[int] = []

        def send() -> None:
            with tx:
                for number in range(10_000):
                    try:
                        tx.send(number, timeout=(number % 7) * 1e-6)
                    except TimeoutError:
                        continue
                    sent.append(number)

        sender = Background(send)
        received = []
        attempt = 0
        while True:
            attempt += 1
            try:
                received.append(rx.recv(timeout=(attempt % 5) * 1e-6))
            except TimeoutError:
                continue
            except Closed:
                break
        sender.result()
        assert received == sent


class TestClosing:
    def test_receivers_get_what_is_left(self) -> None:
        tx, rx = atoll.channel(3)
        tx.send(1)
        tx.send(2)
        tx.close()
        assert not rx.closed
        assert [rx.recv(), rx.recv()] == [1, 2]
        assert rx.closed
        for use in (rx.recv, rx.recv_nowait, lambda: rx.recv(0)):
            with pytest.raises(Closed, match="no sender any more"):
                use()

    def test_iteration_ends(self) -> None:
        tx, rx = atoll.channel(3)
        for number in range(3):
            tx.send(number)
        tx.close()
        assert list(rx) == [0, 1, 2]
        assert list(rx) == []

    def test_senders_get_closed_and_what_is_there_is_dropped(self) -> None:
        tx, rx = atoll.channel(3)
        inner_tx, inner_rx = atoll.channel(1)
        tx.send(inner_tx)
        inner_tx.close()
        assert not inner_rx.closed
        rx.close()
        assert inner_rx.closed, "the message in the buffer was released"
        assert tx.closed
        for use in (lambda: tx.send(1), lambda: tx.send_nowait(1), lambda: tx.send(1, 0)):
            with pytest.raises(Closed, match="no receiver any more"):
                use()

    def test_a_closed_clone_says_so(self) -> None:
        tx, rx = atoll.channel(1)
        other_tx, other_rx = tx.clone(), rx.clone()
        tx.close()
        rx.close()
        tx.close()
        rx.close()
        assert tx.closed
        assert rx.closed
        uses: list[Callable[[], Any]] = [
            lambda: tx.send(1),
            lambda: tx.send_nowait(1),
            tx.clone,
            tx.__enter__,
            rx.recv,
            rx.recv_nowait,
            rx.clone,
            rx.__enter__,
            lambda: iter(rx),
        ]
        for use in uses:
            with pytest.raises(Closed, match="this (Sender|Receiver) of channel \\d+ was closed"):
                use()
        other_tx.send("open")
        assert other_rx.recv() == "open"

    def test_with(self) -> None:
        tx, rx = atoll.channel(1)
        with rx as same, tx as other:
            assert same is rx
            assert other is tx
        assert tx.closed
        assert rx.closed

    def test_the_last_clone_counts(self) -> None:
        tx, rx = atoll.channel(1)
        clones = [tx.clone() for _ in range(5)]
        tx.close()
        clones.pop().close()
        clones[0].send(1)
        assert rx.recv() == 1
        del clones
        gc.collect()
        with pytest.raises(Closed):
            rx.recv()

    def test_an_object_that_is_gone_is_a_closed_one(self) -> None:
        tx, rx = atoll.channel(1)
        del rx
        with pytest.raises(Closed):
            tx.send(1)

    def test_wakes_receivers(self) -> None:
        tx, rx = atoll.channel()
        blocked = [start_blocked(end.recv) for end in (rx, rx.clone(), rx.clone())]
        tx.close()
        for each in blocked:
            with pytest.raises(Closed):
                each.result()

    def test_wakes_senders(self) -> None:
        tx, rx = atoll.channel()
        blocked = [start_blocked(end.send, 1) for end in (tx, tx.clone(), tx.clone())]
        rx.close()
        for each in blocked:
            with pytest.raises(Closed, match="no receiver any more"):
                each.result()

    @pytest.mark.parametrize("others", [False, True])
    def test_closing_a_clone_wakes_who_waits_through_it(self, others: bool) -> None:
        tx, rx = atoll.channel()
        clones = (tx.clone(), rx.clone()) if others else ()
        receiver = start_blocked(rx.recv)
        rx.close()
        with pytest.raises(Closed, match="this Receiver"):
            receiver.result()
        if not others:
            return
        sender = start_blocked(tx.send, 1)
        tx.close()
        with pytest.raises(Closed, match="this Sender"):
            sender.result()
        # Nobody stands in line any more.
        with pytest.raises(WouldBlock):
            clones[0].send_nowait(1)
        with pytest.raises(WouldBlock):
            clones[1].recv_nowait()

    def test_closing_a_clone_ends_a_loop_over_it(self) -> None:
        tx, rx = atoll.channel()
        loop = start_blocked(list, rx)
        rx.close()
        assert loop.result() == []
        assert tx.closed

    def test_close_races_with_sends(self) -> None:
        """Whatever was sent without an error before the close of the last sender is received."""
        for _ in range(200):
            tx, rx = atoll.channel(2)
            ends = [tx.clone() for _ in range(3)]
            tx.close()
            received = Background(list, rx)

            def send(end: Sender[int]) -> int:
                with end:
                    for number in range(10):
                        end.send(number)
                return 10

            sent = sum(each.result() for each in [Background(send, end) for end in ends])
            assert len(received.result()) == sent

    def test_receivers_leave_one_by_one(self) -> None:
        for _ in range(200):
            tx, rx = atoll.channel(0)
            ends = [rx.clone() for _ in range(3)]
            rx.close()

            def receive(end: Receiver[int]) -> int:
                with end:
                    end.recv()
                return 1

            receivers = [Background(receive, end) for end in ends]
            sent = 0
            with pytest.raises(Closed):
                while True:
                    tx.send(sent)
                    sent += 1
            assert sum(each.result() for each in receivers) == sent == 3


@dataclass
class Job:
    """Goes by pickle, and carries an end."""

    number: int
    answer_to: Sender[int]


class TestTravel:
    def test_is_shareable(self) -> None:
        assert all(map(interpreters.is_shareable, atoll.channel()))

    def test_an_end_through_a_channel_is_another_clone(self) -> None:
        tx, rx = atoll.channel(1)
        inner_tx, inner_rx = atoll.channel(1)
        tx.send({"end": inner_tx})
        inner_tx.close()
        arrived = rx.recv()["end"]
        assert arrived == inner_tx
        assert arrived is not inner_tx
        arrived.send("through")
        assert inner_rx.recv() == "through"
        arrived.close()
        assert inner_rx.closed

    def test_on_its_way_it_keeps_its_side_open(self) -> None:
        queue = create_queue()
        tx, rx = atoll.channel(1)
        queue.put(tx)
        queue.put(tx)
        del tx
        gc.collect()
        assert not rx.closed
        queue.get()
        assert not rx.closed
        del queue
        gc.collect()
        assert rx.closed, "the undelivered one was released with the queue"

    def test_a_closed_one_does_not_travel(self) -> None:
        tx, rx = atoll.channel(1)
        tx.close()
        outer, _outer_rx = atoll.channel(1)
        with pytest.raises((Closed, NotShareableError)) as caught:
            outer.send([tx])
        assert "was closed" in f"{caught.value} {caught.value.__cause__}"
        assert rx.closed

    def test_calls(self, interp: Interpreter) -> None:
        tx, rx = atoll.channel(5)

        def produce(end: Any, count: int) -> None:
            with end:
                for number in range(count):
                    end.send(number)

        interp.call(produce, tx, 5)
        tx.close()
        assert list(rx) == [0, 1, 2, 3, 4]

    def test_results(self, interp: Interpreter) -> None:
        def make() -> object:
            import atoll

            return atoll.channel(1)

        tx, rx = interp.call(make)
        tx.send(1)
        assert rx.recv() == 1
        interp.exec("import gc; gc.collect()")
        tx.close()
        assert rx.closed, "those in the interpreter are gone"

    def test_prepare_main(self, interp: Interpreter) -> None:
        requests, answers = atoll.channel(), atoll.channel()
        interp.prepare_main(rx=requests[1], tx=answers[0])
        thread = interp.call_in_thread(
            exec, "with tx:\n    for value in rx: tx.send(value * 2)\nrx.close()"
        )
        requests[1].close()
        answers[0].close()
        for number in range(100):
            requests[0].send(number)
            assert answers[1].recv() == number * 2
        requests[0].close()
        with pytest.raises(Closed):
            answers[1].recv()
        thread.join()

    def test_inside_of_what_is_pickled(self) -> None:
        tx, rx = atoll.channel(1)
        answer_tx, answer_rx = atoll.channel(1)
        tx.send(Job(7, answer_tx))
        job = rx.recv()
        job.answer_to.send(job.number + 1)
        assert answer_rx.recv() == 8

    def test_twice_in_one_message(self) -> None:
        tx, rx = atoll.channel(1)
        inner_tx, inner_rx = atoll.channel(1)
        tx.send((inner_tx, [inner_tx], inner_rx))
        first, [second], third = rx.recv()
        assert first == second == inner_tx
        assert third == inner_rx
        first.close()
        inner_tx.close()
        assert third.closed == (first is second)

    def test_through_its_own_channel(self) -> None:
        tx, rx = atoll.channel(2)
        tx.send(rx)
        tx.send(tx)
        other_rx = rx.recv()
        other_tx = other_rx.recv()
        tx.close()
        rx.close()
        other_tx.send("round")
        assert other_rx.recv() == "round"

    def test_exceptions_keep_their_classes(self, interp: Interpreter) -> None:
        tx, rx = atoll.channel()
        rx.close()
        with pytest.raises(interpreters.ExecutionFailed, match="Closed: channel"):
            interp.call(tx.clone().send, 1) if False else interp.call(_send_one, tx)


def _send_one(end: Any) -> None:
    end.send(1)


class TestTimers:
    def test_after_gives_once_when_it_was_due(self) -> None:
        start = time.monotonic()
        rx = atoll.after(0.05)
        with pytest.raises(WouldBlock, match="not due"):
            rx.recv_nowait()
        assert len(rx) == 0
        assert rx.capacity == 1
        due = rx.recv()
        assert start + 0.05 <= due <= time.monotonic()
        assert rx.closed
        for use in (rx.recv, rx.recv_nowait):
            with pytest.raises(Closed, match="has expired"):
                use()

    def test_after_zero_is_due_at_once(self) -> None:
        rx = atoll.after(0)
        assert len(rx) == 1
        rx.recv_nowait()
        assert list(atoll.after(0)) != []

    def test_after_infinity_can_be_waited_for_and_stopped(self) -> None:
        rx = atoll.after(math.inf)
        with pytest.raises(TimeoutError):
            rx.recv(0.001)
        blocked = start_blocked(rx.clone().recv)
        rx.stop()
        with pytest.raises(Closed):
            blocked.result()

    def test_one_of_several_gets_it_and_the_others_closed(self) -> None:
        for _ in range(20):
            rx = atoll.after(0.001)
            results = [Background(list, rx.clone()) for _ in range(3)]
            assert sum(len(each.result()) for each in results) == 1

    def test_ticker_keeps_to_its_schedule(self) -> None:
        start = time.monotonic()
        period = 0.004
        rx = atoll.ticker(period)
        due = [rx.recv() for _ in range(10)]
        assert due[0] >= start + period - 1e-9
        for tick in due:
            steps = (tick - due[0]) / period
            assert abs(steps - round(steps)) < 1e-3
        assert due == sorted(set(due))

    def test_ticks_that_nobody_takes_are_dropped(self) -> None:
        rx = atoll.ticker(0.001)
        end = atoll.after(0.03)
        end.recv()
        assert len(rx) == 1
        first, second = rx.recv(), rx.recv()
        assert second - first > 0.02

    def test_stop_ends_all_clones_of_a_ticker(self) -> None:
        rx = atoll.ticker(3600)
        blocked = [start_blocked(list, rx), start_blocked(rx.clone().recv)]
        rx.stop()
        rx.stop()
        assert blocked[0].result() == []
        with pytest.raises(Closed):
            blocked[1].result()

    def test_close_ends_it_with_the_last_clone(self) -> None:
        rx = atoll.ticker(0.001)
        other = rx.clone()
        rx.close()
        assert other.recv() > 0
        other.close()
        with pytest.raises(Closed):
            other.recv()

    def test_in_another_interpreter(self, interp: Interpreter) -> None:
        rx = atoll.ticker(0.001)
        tx, ticks = atoll.channel(None)
        interp.call(_forward, rx, tx, 3)
        tx.close()
        assert len(list(ticks)) == 3
        rx.stop()

    def test_only_timers_can_be_stopped(self) -> None:
        _tx, rx = atoll.channel()
        with pytest.raises(TypeError, match="ticker"):
            rx.stop()

    @pytest.mark.parametrize("make", [atoll.after, atoll.ticker])
    def test_bad_input(self, make: Callable[[Any], Any]) -> None:
        for wrong in (-1, -0.001, math.nan, -math.inf, -(10**400)):
            with pytest.raises(ValueError):
                make(wrong)
        for wrong in ("1", None, [], 1j):
            with pytest.raises(TypeError):
                make(wrong)

    def test_a_ticker_needs_an_interval(self) -> None:
        with pytest.raises(ValueError, match="positive"):
            atoll.ticker(0)


def _forward(source: Any, target: Any, count: int) -> None:
    for _ in range(count):
        target.send(source.recv())


class TestFlow:
    @pytest.mark.parametrize("capacity", [0, 1, 7, None])
    def test_first_in_first_out_per_sender(self, capacity: int | None) -> None:
        tx, rx = atoll.channel(capacity)

        def send(end: Sender[Any], name: int) -> None:
            with end:
                for number in range(500):
                    end.send((name, number))

        with tx:
            senders = [Background(send, tx.clone(), name) for name in range(4)]
        received = list(rx)
        for sender in senders:
            sender.result()
        for name in range(4):
            assert [number for sender, number in received if sender == name] == list(range(500))

    @pytest.mark.parametrize("capacity", [0, 1, 64])
    def test_eight_senders_eight_receivers_in_interpreters(self, capacity: int) -> None:
        flow(capacity, 1500)

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_a_million_items(self) -> None:
        flow(64, 125_000)

    def test_blocked_threads_let_others_run(self) -> None:
        tx, rx = atoll.channel()
        blocked = start_blocked(rx.recv)
        assert sum(range(10_000)) == 49_995_000
        tx.send(None)
        assert blocked.result() is None


def flow(capacity: int, count: int) -> None:
    """8 senders and 8 receivers, two of them in each of 8 interpreters; nothing lost or doubled."""
    tx, rx = atoll.channel(capacity)
    results_tx, results_rx = atoll.channel(None)
    made = [interpreters.create() for _ in range(8)]
    threads = []
    for name, each in enumerate(made):
        each.prepare_main(tx=tx, rx=rx, results=results_tx, name=name, count=count)
        each.exec(
            dedent("""
            import threading
            def send():
                with tx:
                    for number in range(count):
                        tx.send(name * count + number)
            def receive():
                got = list(rx)
                rx.close()
                in_order = all(
                    mine == sorted(mine)
                    for mine in ([n for n in got if n // count == other] for other in range(8))
                )
                with results:
                    results.send((len(got), sum(got), in_order))
            """)
        )
        start = "threads = [threading.Thread(target=f) for f in (send, receive)]\n"
        start += "for t in threads: t.start()\nfor t in threads: t.join()"
        threads.append(each.call_in_thread(exec, start))
    tx.close()
    rx.close()
    results_tx.close()
    batches = list(results_rx)
    for thread in threads:
        thread.join()
    assert len(batches) == 8
    assert all(in_order for _, _, in_order in batches), "one sender's items arrive in order"
    total = 8 * count
    assert sum(length for length, _, _ in batches) == total
    assert sum(part for _, part, _ in batches) == total * (total - 1) // 2
    for each in made:
        each.close()


class TestLifeAndDeath:
    def test_an_interpreter_s_ends_are_closed_with_it(self, interp: Interpreter) -> None:
        tx, rx = atoll.channel(2)
        interp.prepare_main(tx=tx)
        interp.exec("tx.send('kept')")
        tx.close()
        receiver = start_blocked(lambda: list(rx))
        interp.close()
        assert receiver.result() == ["kept"], "what was sent stays"

    def test_its_receivers_too(self, interp: Interpreter) -> None:
        tx, rx = atoll.channel()
        interp.prepare_main(rx=rx)
        rx.close()
        sender = start_blocked(tx.send, 1)
        interp.close()
        with pytest.raises(Closed):
            sender.result()

    def test_ends_that_leak_are_closed_with_the_interpreter(self, interp: Interpreter) -> None:
        """A reference that nobody gives back, as some C extension might hold it."""
        tx, rx = atoll.channel()
        interp.prepare_main(tx=tx)
        interp.exec("import ctypes; ctypes.pythonapi.Py_IncRef(ctypes.py_object(tx))")
        tx.close()
        receiver = start_blocked(rx.recv)
        interp.close()
        with pytest.raises(Closed):
            receiver.result()

    def test_its_own_threads_stop_waiting(self, interp: Interpreter) -> None:
        """close() wakes them with an error, then joins them."""
        tx, rx = atoll.channel()
        reports_tx, reports = atoll.channel(None)
        interp.prepare_main(tx=tx, rx=rx, reports=reports_tx)
        interp.exec(
            dedent("""
            import threading
            import atoll
            from atoll.interpreters import InterpreterError
            def wait(use):
                reports.send('waits')
                try:
                    use()
                except InterpreterError as error:
                    reports.send(str(error))
                else:
                    reports.send('no error')
            never = atoll.channel()
            for use in (lambda: never[1].recv(), lambda: never[0].clone().send(1) if 0 else rx.recv(),
                        lambda: atoll.select(rx, timeout=600), lambda: atoll.after(600).recv()):
                threading.Thread(target=wait, args=(use,)).start()
        """)
        )
        assert [reports.recv() for _ in range(4)] == ["waits"] * 4
        interp.close()
        for _ in range(4):
            assert f"interpreter {interp.id} is being closed" in reports.recv(timeout=0)
        # Nobody stands in line any more.
        with pytest.raises(WouldBlock):
            tx.send_nowait(1)

    def test_exit_with_blocked_threads(self, run_python: RunPython) -> None:
        done = run_python(
            "-c",
            dedent("""
            import threading, atoll
            from atoll import interpreters
            tx, rx = atoll.channel()
            ready_tx, ready = atoll.channel(None)
            uses = [rx.recv, lambda: atoll.select(rx, atoll.after(600)), atoll.after(600).recv]
            def wait(use):
                ready_tx.send(1)
                use()
            for use in uses:
                threading.Thread(target=wait, args=(use,), daemon=True).start()
            interp = interpreters.create()
            interp.prepare_main(rx=rx, ready=ready_tx)
            def block():
                try:
                    interp.exec("ready.send(1); rx.recv()")
                except interpreters.InterpreterError:
                    pass
                except interpreters.ExecutionFailed:
                    pass
            threading.Thread(target=block, daemon=True).start()
            for _ in range(4):
                ready.recv()
            print("done", flush=True)
            """),
            timeout=30,
        )
        assert done.stdout == "done\n"
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        "use",
        [
            "rx.recv()",
            "tx.send(1)",
            "rx.recv(timeout=600)",
            "next(rx)",
            "atoll.select(rx, (other_tx, 1))",
            "atoll.select(None, timeout=600)",
            "atoll.after(600).recv()",
            "interp.exec('rx.recv()')",
        ],
    )
    def test_ctrl_c(self, use: str) -> None:
        script = dedent(f"""
            import signal, atoll
            from atoll import interpreters
            signal.signal(signal.SIGINT, signal.default_int_handler)
            tx, rx = atoll.channel()
            other_tx, other_rx = atoll.channel()
            interp = interpreters.create()
            interp.prepare_main(rx=rx)
            print("ready", flush=True)
            try:
                {use}
            except KeyboardInterrupt:
                # Nobody stands in line any more.
                for nowait in (rx.recv_nowait, lambda: tx.send_nowait(1), other_rx.recv_nowait):
                    try:
                        nowait()
                    except atoll.WouldBlock:
                        pass
                    else:
                        print("served a ghost")
                print("interrupted", flush=True)
            interp.close()
        """)
        command = [sys.executable, "-c", script]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        wait_until(lambda: is_sleeping(process.pid))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert out == b"interrupted\n", err

    def test_a_signal_handler_that_returns_does_not_end_the_wait(
        self, run_python: RunPython
    ) -> None:
        done = run_python(
            "-c",
            dedent("""
            import signal, threading, time, os, atoll
            tx, rx = atoll.channel()
            calls = []
            def handler(*args):
                calls.append(1)
                if len(calls) < 20:
                    signal.setitimer(signal.ITIMER_REAL, 0.001)
                else:
                    threading.Thread(target=tx.send, args=("value",)).start()
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            print(rx.recv(), len(calls))
            """),
            check=True,
        )
        assert done.stdout == "value 20\n"

    def test_no_memory_is_left_behind(self) -> None:
        def work() -> None:
            for _ in range(2000):
                tx, rx = atoll.channel(4)
                tx.send(b"x" * 10_000)
                tx.send(rx.clone())
                rx.recv()
                rx.recv().close()
                atoll.select(rx, (tx, b"y" * 10_000), atoll.after(60))

        def resident() -> int:
            with open("/proc/self/statm") as file:  # noqa: PTH123
                return int(file.read().split()[1]) * 4

        work()
        before = resident()
        for _ in range(5):
            work()
        assert resident() - before < 4000, "KB"


def is_sleeping(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] == "S"
