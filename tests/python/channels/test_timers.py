"""after() and ticker()."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import atoll
from atoll import Closed, WouldBlock, interpreters
from atoll.interpreters import Interpreter, InterpreterError

type InThread = Callable[..., Any]


@pytest.fixture
def interp() -> Iterator[Interpreter]:
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


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

    def test_after_infinity_can_be_waited_for_and_stopped(self, start_blocked: InThread) -> None:
        rx = atoll.after(math.inf)
        with pytest.raises(TimeoutError):
            rx.recv(0.001)
        blocked = start_blocked(rx.clone().recv)
        rx.stop()
        with pytest.raises(Closed):
            blocked.result()

    def test_one_of_several_gets_it_and_the_others_closed(self, background: InThread) -> None:
        for _ in range(20):
            rx = atoll.after(0.001)
            results = [background(list, rx.clone()) for _ in range(3)]
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

    def test_stop_ends_all_clones_of_a_ticker(self, start_blocked: InThread) -> None:
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
