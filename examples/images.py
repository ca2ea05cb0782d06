"""Thumbnails and statistics of many pictures: serially, in processes, in interpreters.

Each call opens a picture, resizes and sharpens it with Pillow, and counts its grey values with
NumPy. Only names travel: the pictures stay in their files. The function is the same for all three
ways; NumPy and Pillow are imported once in each process, or in each interpreter.

    pip install atoll numpy pillow      (CPython 3.13 or newer)
    python examples/images.py [--pictures N]

Exit status: 0, or 1 if the results differ.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

import atoll

WIDTH, HEIGHT = 1600, 1200
THUMBNAIL = (800, 600)
BINS = 16  # of grey values

type Statistics = tuple[int, ...]  # pixels in each bin, and 1000 times the mean
type Results = dict[str, Statistics]  # by file name


def make_pictures(folder: Path, count: int) -> list[Path]:
    """Gradients of different directions under noise, as JPEG files."""
    random = np.random.default_rng(seed=1)
    y, x = np.mgrid[:HEIGHT, :WIDTH, :1].astype(np.float32)[:2]
    paths = []
    for number in range(count):
        across, down = random.uniform(0, 0.07, size=(2, 3)).astype(np.float32)
        noise = random.integers(0, 30, size=(HEIGHT, WIDTH, 3), dtype=np.uint8)
        pixels = (x * across + y * down).astype(np.uint8) + noise
        paths.append(folder / f"{number:04}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=90)
    return paths


def analyse(path: Path) -> tuple[str, Statistics]:
    with Image.open(path) as picture:
        thumbnail = picture.resize(THUMBNAIL, Image.Resampling.LANCZOS)
    sharp = thumbnail.filter(ImageFilter.UnsharpMask(radius=2, percent=150))
    grey = np.asarray(sharp.convert("L"))
    counts, _ = np.histogram(grey, bins=BINS, range=(0, 256))
    return path.name, (*counts.tolist(), round(1000 * float(grey.mean())))


def run_in(make_pool: partial[Any], paths: list[Path]) -> tuple[list[Results], list[float]]:
    """The results of two runs, and their times: with making the pool, and without."""
    results, times = [], [time.perf_counter()]
    with make_pool() as pool:
        for _ in range(2):
            results.append(dict(pool.map(analyse, paths)))
            times.append(time.perf_counter())
    return results, [times[1] - times[0], times[2] - times[1]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Analyse pictures on one core, then on all.")
    parser.add_argument("--pictures", type=int, default=80, metavar="N", help="(%(default)s)")
    count = parser.parse_args().pictures
    workers = len(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    processes = partial(ProcessPoolExecutor, workers, mp_context=spawn)
    ways: dict[str, Any] = {"processes": processes, "interpreters": partial(atoll.Pool, workers)}
    with tempfile.TemporaryDirectory() as folder:
        paths = make_pictures(Path(folder), count)
        begin = time.perf_counter()
        expected = dict(map(analyse, paths))
        serially = time.perf_counter() - begin
        print(f"serially        {serially:6.2f} s")
        for title, make_pool in ways.items():
            results, (cold, warm) = run_in(make_pool, paths)
            print(f"{workers} {title:<14}{cold:6.2f} s {serially / cold:5.2f} x", end="    ")
            print(f"again, in the same pool {warm:6.2f} s {serially / warm:5.2f} x")
            if any(result != expected for result in results):
                sys.exit(f"the results of the {title} differ")
    print("results          equal")
