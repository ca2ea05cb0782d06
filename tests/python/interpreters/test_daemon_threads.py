"""Daemon threads of interpreters: allowed with private copies, and ended when it is closed."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import atoll
from atoll import interpreters
from tests.python.extensions.conftest import needs_private_copies

START = "import threading, time\n{}\nthreading.Thread(target=f, daemon=True, name='left').start()\n"
ENDING = {
    "busy": "def f():\n    while True: pass",
    "sleeping": "def f():\n    while True: time.sleep(0.01)",
    "timed wait": "def f():\n    while not threading.Event().wait(0.01): pass",
    "waiting in atoll": (
        "import atoll, atoll.interpreters\nend = atoll.channel(1)\n"
        "def f():\n    try: end[1].recv()\n    except atoll.interpreters.InterpreterError: pass"
    ),
    "ended by atexit": (
        "import atexit\nover = threading.Event()\natexit.register(over.set)\ndef f(): over.wait()"
    ),
}
STUCK = "def f(): threading.Event().wait()"


@needs_private_copies
@pytest.mark.parametrize("kind", ENDING)
def test_threads_that_end(kind: str) -> None:
    interpreter = interpreters.create()
    interpreter.exec(START.format(ENDING[kind]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        interpreter.close()
    assert interpreter.id not in {each.id for each in interpreters.list_all()}


@needs_private_copies
def test_a_thread_that_does_not_end() -> None:
    interpreter = interpreters.create()
    interpreter.exec(START.format(STUCK))
    with pytest.warns(ResourceWarning, match=r"memory is kept: daemon threads .* \(left\)"):
        interpreter.close()
    assert interpreter.id not in {each.id for each in interpreters.list_all()}
    with pytest.raises(interpreters.InterpreterNotFoundError):
        interpreter.exec("pass")


def thread_pool(n: int) -> list[int]:
    from multiprocessing.pool import ThreadPool

    # Not closed: that is left to atexit.
    pool = ThreadPool(2)
    return pool.map(abs, [-n, n])


@needs_private_copies
def test_thread_pools_in_a_pool() -> None:
    with atoll.Pool(2, max_tasks_per_interpreter=1) as pool:
        assert list(pool.map(thread_pool, range(6), chunksize=1)) == [[n, n] for n in range(6)]


@needs_private_copies
@pytest.mark.parametrize("kind", [*ENDING, "stuck"])
@pytest.mark.parametrize("closed", [True, False])
def test_the_process_ends(run_python: Any, kind: str, closed: bool) -> None:
    code = START.format(ENDING.get(kind, STUCK))
    source = (
        "from atoll import interpreters\n"
        "made = [interpreters.create() for _ in range(2)]\n"
        f"for each in made: each.exec({code!r})\n"
        f"if {closed}:\n    for each in made: each.close()\n"
        "print('end')\n"
    )
    for _ in range(3):
        done = run_python("-W", "ignore", "-c", source, check=True)
        assert (done.stdout, done.stderr) == ("end\n", "")


@pytest.mark.parametrize("kind", ["busy", "stuck"])
def test_legacy_interpreters(run_python: Any, kind: str) -> None:
    code = START.format(ENDING.get(kind, STUCK))
    source = (
        "from atoll import interpreters\n"
        "i = interpreters.create('legacy')\n"
        f"i.exec({code!r})\n"
        "i.close()\n"
        "assert [each.id for each in interpreters.list_all()] == [0]\n"
        "print('end')\n"
    )
    done = run_python("-W", "ignore", "-c", source, check=True)
    assert (done.stdout, done.stderr) == ("end\n", "")


def test_declared_refuses_them() -> None:
    with (
        interpreters.create(extensions="declared") as interpreter,
        pytest.raises(interpreters.ExecutionFailed, match="daemon threads are disabled"),
    ):
        interpreter.exec(START.format(STUCK))
