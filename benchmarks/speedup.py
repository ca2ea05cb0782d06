"""How much faster CPU-bound Python code is with one interpreter per core than in one thread."""

import os
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter

from measure import Options, Row, copy_of, libraries


def collatz(numbers: range) -> int:
    """Pure Python work: the steps that all the numbers take to 1."""
    steps = 0
    for number in numbers:
        while number != 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            steps += 1
    return steps


def measure(options: Options) -> Iterator[Row]:
    cores = len(os.sched_getaffinity(0))
    end = options.pick(20_000, 5_000) * cores
    parts = [range(1 + core, end, cores) for core in range(cores)]
    speedups: dict[str, list[float]] = {library.name: [] for library in libraries()}
    targets = {
        library.name: [library.load().create() for _ in range(cores)] for library in libraries()
    }
    functions = {library.name: copy_of(collatz) for library in libraries()}
    try:
        for _ in range(options.pick(9, 3)):
            serial = seconds([partial(collatz, range(1, end))])
            for name, interpreters in targets.items():
                tasks = [
                    partial(interpreter.call, functions[name], part)
                    for interpreter, part in zip(interpreters, parts, strict=True)
                ]
                speedups[name].append(serial / seconds(tasks))
    finally:
        for interpreters in targets.values():
            for interpreter in interpreters:
                interpreter.close()
    medians = {name: statistics.median(factors) for name, factors in speedups.items()}
    yield Row(f"speed-up on {cores} cores, pure Python", "x", medians, aim=0.9 * cores)


def seconds(tasks: Sequence[Callable[[], object]]) -> float:
    """How long the tasks take, each in a thread of its own."""
    threads = [threading.Thread(target=task) for task in tasks]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - start
