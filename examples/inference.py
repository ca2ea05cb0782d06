"""Predict many batches with a scikit-learn model: serially, in processes, in interpreters.

The main program trains the model and pickles it to a file. The initializer of the pool loads it
into a global of each worker, once; then only batches and predictions travel.

    pip install atoll scikit-learn      (CPython 3.13 or newer)
    python examples/inference.py [--batches N]

Exit status: 0, or 1 if the predictions differ.
"""

import argparse
import multiprocessing
import os
import pickle
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

import atoll

BATCH_ROWS = 1000
model: RandomForestClassifier  # of this process or interpreter


def train(path: Path) -> None:
    rows, classes = make_classification(4000, n_informative=10, n_classes=4, random_state=1)
    forest = RandomForestClassifier(n_estimators=100, n_jobs=1, random_state=1)
    path.write_bytes(pickle.dumps(forest.fit(rows, classes)))


def load(path: Path) -> None:
    global model
    model = pickle.loads(path.read_bytes())


def predict(batch: np.ndarray) -> np.ndarray:
    classes: np.ndarray = model.predict(batch)
    return classes


def run_in(make_pool: partial[Any], batches: np.ndarray) -> tuple[list[np.ndarray], list[float]]:
    """The results of two runs, and their times: with making the pool, and without."""
    results, times = [], [time.perf_counter()]
    with make_pool() as pool:
        for _ in range(2):
            results.append(np.stack(list(pool.map(predict, batches))))
            times.append(time.perf_counter())
    return results, [times[1] - times[0], times[2] - times[1]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predict on one core, then on all.")
    parser.add_argument("--batches", type=int, default=250, metavar="N", help="(%(default)s)")
    count = parser.parse_args().batches
    workers = len(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    batches = np.random.default_rng(seed=1).normal(size=(count, BATCH_ROWS, 20))

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.pickle")
        loading: dict[str, Any] = {"initializer": load, "initargs": (file,)}
        processes = partial(ProcessPoolExecutor, workers, mp_context=spawn, **loading)
        ways: dict[str, Any] = {
            "processes": processes,
            "interpreters": partial(atoll.Pool, workers, **loading),
        }
        train(file)
        begin = time.perf_counter()
        load(file)
        expected = np.stack([predict(batch) for batch in batches])
        serially = time.perf_counter() - begin
        print(f"serially        {serially:6.2f} s")
        for title, make_pool in ways.items():
            results, (cold, warm) = run_in(make_pool, batches)
            print(f"{workers} {title:<14}{cold:6.2f} s {serially / cold:5.2f} x", end="    ")
            print(f"again, in the same pool {warm:6.2f} s {serially / warm:5.2f} x")
            if not all(np.array_equal(expected, result) for result in results):
                sys.exit(f"the predictions of the {title} differ")
    print("predictions      equal")
