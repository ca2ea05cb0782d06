"""Every way to spread the two pieces of work of the published benchmark.

    python benchmarks/published_work.py WAY cpu|io PORT LOOPS cold|warm

prints the seconds that the work took, or fails: that is how it is found out what
can run here. It imports nothing but the standard library before a way or a work asks for it: this
file is also run by a free-threaded CPython that has nothing else.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from importlib import import_module
from time import perf_counter
from typing import Any

from published_tasks import get, product

type Spread = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
type Item = tuple[int, int] | str

RANGES = [(1, 10000), (10001, 20000), (20001, 30000), (30001, 40000)]
REQUESTS = 20


def items_of(work: str, port: int) -> tuple[Callable[[Any], Any], Sequence[Any], list[Any]]:
    """The function, what it is called with, and what it has to return."""
    if work == "cpu":
        return product, RANGES, [118_459, 138_451, 146_000, 150_902]
    return get, [f"http://127.0.0.1:{port}/"] * REQUESTS, [200] * REQUESTS


# --- the ways ------------------------------------------------------------------------------------


@contextmanager
def regular(work: str) -> Iterator[Spread]:
    yield lambda function, items: [function(item) for item in items]


def workers(work: str) -> int:
    """One per range, or per request."""
    return len(RANGES) if work == "cpu" else REQUESTS


@contextmanager
def _executor(kind: Callable[..., futures.Executor], work: str) -> Iterator[Spread]:
    with kind(workers(work)) as executor:
        yield lambda function, items: list(executor.map(function, items))


@contextmanager
def threading(work: str) -> Iterator[Spread]:
    with _executor(futures.ThreadPoolExecutor, work) as spread:
        yield spread


@contextmanager
def multiprocessing(work: str) -> Iterator[Spread]:
    with _executor(futures.ProcessPoolExecutor, work) as spread:
        yield spread


@contextmanager
def subinterpreters(work: str) -> Iterator[Spread]:
    if sys.version_info < (3, 14):
        raise NotImplementedError("CPython has it from 3.14 on")
    with _executor(futures.InterpreterPoolExecutor, work) as spread:
        yield spread


@contextmanager
def atoll_executor(work: str) -> Iterator[Spread]:
    kind = import_module("atoll.futures").InterpreterPoolExecutor
    with _executor(kind, work) as spread:
        yield spread


@contextmanager
def atoll_pool(work: str) -> Iterator[Spread]:
    import atoll

    # Work that waits needs threads, not interpreters.
    interpreters = workers(work) if work == "cpu" else len(os.sched_getaffinity(0))
    threads = -(-workers(work) // interpreters)
    with atoll.Pool(interpreters, threads=threads) as pool:
        yield lambda function, items: list(pool.map(function, items))


WAYS: dict[str, Callable[[str], Any]] = {
    "Regular": regular,
    "Threading": threading,
    "Threading without GIL": threading,
    "Multiprocessing": multiprocessing,
    "Subinterpreters": subinterpreters,
    "atoll executor": atoll_executor,
    "atoll pool": atoll_pool,
}


def load(way: str) -> None:
    """Import what the way needs, which a program does once, at its top."""
    if way.startswith("atoll"):
        import_module("atoll.futures")
    else:
        for kind in ("ThreadPoolExecutor", "ProcessPoolExecutor", "InterpreterPoolExecutor"):
            getattr(futures, kind, None)


def measure(way: str, work: str, port: int, loops: int, *, cold: bool) -> float:
    """The seconds that all loops take; cold: with making and ending the pool."""
    function, items, expected = items_of(work, port)
    results = []
    make = WAYS[way]
    load(way)
    if cold:
        start = perf_counter()
        for _ in range(loops):
            with make(work) as spread:
                results = spread(function, items)
        seconds = perf_counter() - start
    else:
        with make(work) as spread:
            spread(function, items)
            start = perf_counter()
            for _ in range(loops):
                results = spread(function, items)
            seconds = perf_counter() - start
    if results != expected:
        raise AssertionError(f"{way}: {results} instead of {expected}")
    return seconds


def main() -> None:
    way, work, port, loops, cold = sys.argv[1:]
    print(measure(way, work, int(port), int(loops), cold=cold == "cold"))


if __name__ == "__main__":
    main()
