"""NumPy, pandas, scikit-learn and pydantic in each kind of pool; prints medians as JSON.

python benchmarks/packages_program.py ROUNDS
"""

import json
import os
import pickle
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import atoll

WORKERS = 2


def total(array: Any) -> float:
    return float(array.sum())


def double(array: Any) -> Any:
    return array * 2


def group(frame: Any) -> Any:
    return frame.groupby("key").agg({"value": ["mean", "std", "max"]})


def fit(seed: int) -> float:
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    data, target = make_classification(2000, 20, random_state=seed)
    model = RandomForestClassifier(20, random_state=seed, n_jobs=1).fit(data, target)
    return float(model.score(data, target))


def validate(records: bytes) -> int:
    from pydantic import BaseModel, TypeAdapter

    class Record(BaseModel):
        id: int
        name: str
        tags: list[str]
        score: float

    return len(TypeAdapter(list[Record]).validate_json(records))


def memory(_: int) -> tuple[int, int]:
    """The process and its proportional share of memory in kB, when NumPy is imported."""
    import numpy  # noqa: F401

    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return os.getpid(), next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


type Map = Callable[[Callable[[Any], Any], list[Any]], list[Any]]


@contextmanager
def serial() -> Iterator[Map]:
    yield lambda function, items: list(map(function, items))


@contextmanager
def by_atoll() -> Iterator[Map]:
    with atoll.Pool(WORKERS) as pool:
        yield lambda function, items: list(pool.map(function, items, chunksize=1))


@contextmanager
def by_processes() -> Iterator[Map]:
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        yield lambda function, items: list(pool.map(function, items))


@contextmanager
def by_loky() -> Iterator[Map]:
    from joblib import Parallel, delayed

    with Parallel(WORKERS, backend="loky", max_nbytes=None) as pool:
        yield lambda function, items: pool(delayed(function)(item) for item in items)


WAYS = {"atoll": by_atoll, "processes": by_processes, "loky": by_loky, "serial": serial}


def work() -> dict[str, tuple[Callable[[Any], Any], list[Any]]]:
    import numpy as np
    import pandas as pd

    arrays = [np.full(1_250_000, i, dtype=np.float64) for i in range(16)]
    generator = np.random.default_rng(1)
    frames = [
        pd.DataFrame(
            {"key": generator.integers(0, 1000, 500_000), "value": generator.random(500_000)}
        )
        for _ in range(8)
    ]
    records = json.dumps(
        [{"id": i, "name": f"n{i}", "tags": ["a", "b"], "score": i / 2} for i in range(25_000)]
    ).encode()
    return {
        "16 arrays of 10 MB, summed": (total, arrays),
        "16 arrays of 10 MB, doubled and returned": (double, arrays),
        "pandas group-by, 8 frames": (group, frames),
        "scikit-learn, 4 forests fitted": (fit, [1, 2, 3, 4]),
        "pydantic, 200,000 records": (validate, [records] * 8),
    }


def start_up(way: str) -> tuple[float, float]:
    """Seconds until all workers have imported NumPy, and kB of memory for each of them."""
    before = memory(0)[1]
    start = perf_counter()
    with WAYS[way]() as map_:
        map_(memory, list(range(2 * WORKERS)))
        seconds = perf_counter() - start
        shares = dict(map_(memory, list(range(4 * WORKERS))))
    shares[os.getpid()] = shares.get(os.getpid(), before) - before
    return seconds, sum(shares.values()) / WORKERS


def main(rounds: int) -> None:
    times: dict[str, dict[str, list[float]]] = {}

    def note(row: str, way: str, value: float) -> None:
        times.setdefault(row, {}).setdefault(way, []).append(value)

    for _ in range(rounds):
        for way in WAYS:
            if way != "serial":
                seconds, kilobytes = start_up(way)
                note("start of a pool with NumPy, ms", way, seconds * 1e3)
                note("memory of a worker with NumPy, KB", way, kilobytes)
    items = work()
    for row, (function, given) in items.items():
        expected: bytes | None = None
        for way, make in WAYS.items():
            with make() as map_:
                map_(function, given[:WORKERS])  # imports
                for _ in range(rounds):
                    start = perf_counter()
                    results = map_(function, given)
                    note(row + ", ms", way, (perf_counter() - start) * 1e3)
            got = pickle.dumps([getattr(each, "shape", each) for each in results])
            expected = expected or got
            assert got == expected, (row, way)
    print(
        json.dumps(
            {row: {w: statistics.median(v) for w, v in by.items()} for row, by in times.items()}
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
