"""Memory of the process after a lot was under way: kept for a second, then given back."""

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

PROGRAM = '''
import gc, os, time
import atoll
from atoll import interpreters

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

def check(work, size, pythons=0):
    """`pythons`: megabytes that CPython keeps by itself after such work."""
    work(1000)  # what is loaded and made once
    before = resident()
    most = work(size)
    assert most > 2 * before, (before, most)
    gc.collect()
    end = time.monotonic() + 60
    while (now := resident()) > before * 1.1 + pythons:
        assert time.monotonic() < end, (before, most, now)
        os.sched_yield()
'''

WORK = {
    "items of a queue": """
        queue = interpreters.create_queue()
        def work(count):
            for i in range(count):
                queue.put(i)
            most = resident()
            for i in range(count):
                queue.get()
            return most
        check(work, 500_000)
    """,
    "items with memory of their own": """
        tx, rx = atoll.channel(None)
        def work(count):
            for i in range(count):
                tx.send(bytes(500))
            most = resident()
            for i in range(count):
                rx.recv()
            return most
        check(work, 100_000)
    """,
    "futures": """
        with atoll.Pool(1) as pool:
            def work(count):
                futures = [pool.submit(abs, -1) for _ in range(count)]
                assert all(future.result() == 1 for future in futures)
                return resident()
            check(work, 70_000)
    """,
    "one large message": """
        queue = interpreters.create_queue()
        def work(size):
            queue.put(bytes(size))
            assert len(queue.get()) == size
            return resident()
        check(work, 100_000_000)
    """,
    "messages of middle size": """
        queue = interpreters.create_queue()
        def work(size):
            for _ in range(4):
                queue.put(bytes(size))
            for _ in range(4):
                queue.get()
            return resident()
        check(work, 7_000_000)
    """,
    "a message of many objects": """
        queue = interpreters.create_queue()
        def work(count):
            made = [[str(i)] for i in range(count)]
            queue.put(made)
            most = resident()
            del made
            queue.get()
            return most
        check(work, 500_000, pythons=6)
    """,
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_goes_back_to_within_a_tenth(run_source: Callable[..., Any], work: str) -> None:
    run_source(PROGRAM + dedent(work))
