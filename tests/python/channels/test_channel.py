"""Channels: their ends, clones, timeouts, closing."""

import gc
import math
import pickle
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from fractions import Fraction
from textwrap import dedent
from typing import Any

import pytest

import atoll
from atoll import Closed, Receiver, Sender, WouldBlock
from atoll.interpreters import NotShareableError

type RunPython = Callable[..., subprocess.CompletedProcess[str]]
type InThread = Callable[..., Any]


class TestImport:
    def test_the_native_half_is_loaded_when_it_is_used(self, run_python: RunPython) -> None:
        source = """
            import sys
            import atoll
            assert 'atoll._atoll' not in sys.modules
            assert {'channel', 'select', 'Closed'} <= set(dir(atoll))
            from atoll import *
            assert channel is atoll.channel is sys.modules['atoll._atoll'].channel
            try:
                atoll.nonsense
            except AttributeError as error:
                print(error)
        """
        done = run_python("-c", dedent(source), check=True)
        assert done.stdout == "module 'atoll' has no attribute 'nonsense'\n"


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

    def test_rendezvous(self, start_blocked: InThread) -> None:
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

    def test_a_rendezvous_is_over_when_the_value_is_taken(self, background: InThread) -> None:
        """What the sender did before its send happened before what the receiver does after."""
        tx, rx = atoll.channel(0)
        log: list[int] = []

        def send() -> None:
            for number in range(100):
                log.append(number)
                tx.send(number)

        sender = background(send)
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
            assert time.monotonic() - start >= 0.1
        with pytest.raises(WouldBlock):  # the send was withdrawn
            rx.recv_nowait()

    @pytest.mark.parametrize("timeout", [None, 1e9, 1e300, math.inf, 10**400])
    def test_huge_ones_wait_as_long_as_it_takes(
        self, background: InThread, timeout: float | None
    ) -> None:
        tx, rx = atoll.channel()
        receiver = background(rx.recv, timeout)
        tx.send("came", timeout)
        assert receiver.result() == "came"

    def test_ten_thousand_timeouts_race_with_sends(self, background: InThread) -> None:
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

        sender = background(send)
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
            with pytest.raises(Closed, match=r"this (Sender|Receiver) of channel \d+ was closed"):
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

    def test_wakes_receivers(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        blocked = [start_blocked(end.recv) for end in (rx, rx.clone(), rx.clone())]
        tx.close()
        for each in blocked:
            with pytest.raises(Closed):
                each.result()

    def test_wakes_senders(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        blocked = [start_blocked(end.send, 1) for end in (tx, tx.clone(), tx.clone())]
        rx.close()
        for each in blocked:
            with pytest.raises(Closed, match="no receiver any more"):
                each.result()

    @pytest.mark.parametrize("others", [False, True])
    def test_closing_a_clone_wakes_who_waits_through_it(
        self, start_blocked: InThread, others: bool
    ) -> None:
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

    def test_closing_a_clone_ends_a_loop_over_it(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        loop = start_blocked(list, rx)
        rx.close()
        assert loop.result() == []
        assert tx.closed

    def test_close_races_with_sends(self, background: InThread) -> None:
        """Whatever was sent without an error before the close of the last sender is received."""
        for _ in range(200):
            tx, rx = atoll.channel(2)
            ends = [tx.clone() for _ in range(3)]
            tx.close()
            received = background(list, rx)

            def send(end: Sender[int]) -> int:
                with end:
                    for number in range(10):
                        end.send(number)
                return 10

            sent = sum(each.result() for each in [background(send, end) for end in ends])
            assert len(received.result()) == sent

    def test_receivers_leave_one_by_one(self, background: InThread) -> None:
        for _ in range(200):
            tx, rx = atoll.channel(0)
            ends = [rx.clone() for _ in range(3)]
            rx.close()

            def receive(end: Receiver[int]) -> int:
                with end:
                    end.recv()
                return 1

            receivers = [background(receive, end) for end in ends]
            sent = 0
            try:
                while True:
                    tx.send(sent)
                    sent += 1
            except Closed:
                pass
            assert sum(each.result() for each in receivers) == sent == 3


def test_a_type_for_type_checkers():
    tx, rx = atoll.channel[int](1)
    tx.send("anything")
    assert rx.recv() == "anything"
    assert type(atoll.channel()) is tuple
    assert str(atoll.channel[int]) == "atoll.channel[int]"
