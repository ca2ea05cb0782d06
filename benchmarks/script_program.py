"""Maps a function over a large global of this script, in each kind of pool; prints medians as JSON.

python benchmarks/script_program.py ROUNDS
"""

import concurrent.futures
import json
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from time import perf_counter

import atoll
from atoll.futures import InterpreterPoolExecutor

WORKERS = 2
CALLS = 100

table = list(range(1_000_000))


def look_up(index: int) -> int:
    return table[index]


def makers() -> dict[str, Callable[[], Executor | atoll.Pool]]:
    """The pools by name, ``atoll`` and ``CPython`` as in the other benchmarks."""
    made: dict[str, Callable[[], Executor | atoll.Pool]] = {
        "atoll": partial(InterpreterPoolExecutor, WORKERS),
        "atoll.Pool": partial(atoll.Pool, WORKERS),
        "processes": partial(ProcessPoolExecutor, WORKERS, mp_context=get_context("spawn")),
    }
    if sys.version_info >= (3, 14):
        made["CPython"] = partial(concurrent.futures.InterpreterPoolExecutor, WORKERS)
    return made


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Seconds from a new pool to the end of a first map, and of a second one, by row and pool.

    The start counts: some workers import then what the script imports, others when it arrives.
    """
    times: dict[str, dict[str, list[float]]] = {"new pool and first": {}, "second": {}}
    for _ in range(rounds):
        for name, make in makers().items():
            start = perf_counter()
            with make() as pool:
                for of_name in times.values():
                    assert list(pool.map(look_up, range(CALLS))) == list(range(CALLS))
                    end = perf_counter()
                    of_name.setdefault(name, []).append(end - start)
                    start = end
    return {
        f"map over a global of 10^6, {which}": {
            name: statistics.median(seconds) for name, seconds in by_name.items()
        }
        for which, by_name in times.items()
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
