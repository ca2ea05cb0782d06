"""Threads and processes in the background of a test."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest


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


def sleeps(stat: Path) -> bool:
    """Whether the process or thread of /proc sleeps in the kernel."""
    return stat.read_text().rpartition(")")[2].split()[0] == "S"


def poll(condition: Callable[[], bool]) -> None:
    """For a state that is about to be reached, and that cannot be waited for."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        os.sched_yield()


def start_blocked(function: Callable[..., Any], *args: Any) -> Background:
    """As Background, and returns when the call sleeps; most probably in the wait that is meant."""
    ids: list[int] = []

    def run() -> Any:
        ids.append(threading.get_native_id())
        return function(*args)

    background = Background(run)
    poll(lambda: bool(ids) and sleeps(Path(f"/proc/self/task/{ids[0]}/stat")))
    return background


@pytest.fixture(name="background")
def background_fixture() -> type[Background]:
    """`background(function, *args).result()`"""
    return Background


@pytest.fixture(name="start_blocked")
def start_blocked_fixture() -> Callable[..., Background]:
    """`start_blocked(function, *args)`, for a call that waits, and goes on waiting for a while."""
    return start_blocked


@pytest.fixture(name="poll")
def poll_fixture() -> Callable[[Callable[[], bool]], None]:
    """`poll(condition)`: until it holds; for what no event tells."""
    return poll


@pytest.fixture
def wait_until_asleep() -> Callable[[int], None]:
    """`wait_until_asleep(pid)`: until the main thread of that process blocks."""
    return lambda pid: poll(lambda: sleeps(Path(f"/proc/{pid}/stat")))


@pytest.fixture
def run_source(run_python: Callable[..., Any]) -> Callable[..., Any]:
    """`run_source(source, expect=0)`: the program in a process of its own, with that status."""

    def run(source: str, *, expect: int = 0) -> Any:
        done = run_python("-c", dedent(source))
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture
def interrupt_source() -> Callable[..., tuple[int, str, str]]:
    """`interrupt_source(source, times=1)`: SIGINT when it prints "ready" and then blocks.

    With times=2 once more, after "again". Returns the status, further output and errors.
    """

    def interrupt(source: str, times: int = 1) -> tuple[int, str, str]:
        with subprocess.Popen(
            [sys.executable, "-c", dedent(source)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                for word in ["ready\n", "again\n"][:times]:
                    assert process.stdout.readline() == word, process.communicate()
                    poll(lambda: sleeps(Path(f"/proc/{process.pid}/stat")))
                    process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
                return process.returncode, out, err
            finally:
                process.kill()

    return interrupt
