"""Group and merge pandas frames: serially, in processes, in interpreters.

The main program makes the frames and sends them to the workers, which send smaller frames back:
pandas objects travel between interpreters like any others, and stay what they are.

    pip install atoll pandas            (CPython 3.13 or newer)
    python examples/frames.py [--rows N]

Exit status: 0, or 1 if the results differ.
"""

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

import atoll

FRAMES = 8
SHOPS = [f"shop {number}" for number in range(300)]


def make_sales(year: int, rows: int) -> pd.DataFrame:
    random = np.random.default_rng(seed=year)
    columns = {
        "day": pd.Timestamp(year, 1, 1) + pd.to_timedelta(random.integers(365, size=rows), "D"),
        "shop": random.choice(SHOPS, size=rows),
        "price": random.gamma(2.0, 10.0, size=rows).round(2),
        "count": random.integers(1, 10, size=rows),
    }
    return pd.DataFrame(columns)


def summarise(sales: pd.DataFrame) -> pd.DataFrame:
    """What each shop has sold on each day, and its revenue from sales above the median price."""
    keys = ["shop", "day"]
    sales = sales.assign(revenue=sales["price"] * sales["count"])
    days = sales.groupby(keys, as_index=False).agg(
        sold=("count", "sum"),
        revenue=("revenue", "sum"),
        median_price=("price", "median"),
        prices=("price", "nunique"),
    )
    compared = sales.merge(days[[*keys, "median_price"]], on=keys)
    dear = compared[compared["price"] > compared["median_price"]]
    dear_days = dear.groupby(keys, as_index=False).agg(dear_revenue=("revenue", "sum"))
    return days.merge(dear_days, on=keys, how="left")


def run_in(make_pool: partial[Any], frames: list[Any]) -> tuple[list[Any], list[float]]:
    """The results of two runs, and their times: with making the pool, and without."""
    results, times = [], [time.perf_counter()]
    with make_pool() as pool:
        for _ in range(2):
            results.append(list(pool.map(summarise, frames)))
            times.append(time.perf_counter())
    return results, [times[1] - times[0], times[2] - times[1]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Summarise frames on one core, then on all.")
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="(%(default)s)")
    rows = parser.parse_args().rows
    workers = len(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    frames = [make_sales(2020 + number, rows) for number in range(FRAMES)]
    begin = time.perf_counter()
    expected = [summarise(frame) for frame in frames]
    serially = time.perf_counter() - begin
    print(f"serially        {serially:6.2f} s")
    processes = partial(ProcessPoolExecutor, workers, mp_context=spawn)
    ways: dict[str, Any] = {"processes": processes, "interpreters": partial(atoll.Pool, workers)}
    for title, make_pool in ways.items():
        results, (cold, warm) = run_in(make_pool, frames)
        print(f"{workers} {title:<14}{cold:6.2f} s {serially / cold:5.2f} x", end="    ")
        print(f"again, in the same pool {warm:6.2f} s {serially / warm:5.2f} x")
        try:
            for frame, result in zip(2 * expected, results[0] + results[1], strict=True):
                assert_frame_equal(frame, result)
        except AssertionError as error:
            sys.exit(f"the results of the {title} differ: {error}")
    print("results          equal")
