"""What memory costs on its way: shared memory, memoryviews, and large objects beside one memcpy.

python benchmarks/buffers.py     by size: NumPy arrays, array.array and bytes, put and get
"""

import pickle
import statistics
import sys
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from measure import (
    ATOLL,
    STOCK,
    Options,
    Row,
    interleaved_medians,
    libraries,
    nanoseconds_per_call,
)

import atoll

try:
    import numpy as np
except ImportError:  # a tool of the tests, not of every user of `make bench`
    np = None  # type: ignore[assignment]

LARGE = 100_000_000  # bytes

COLUMNS = (ATOLL.name, STOCK.name, "pickle", "memcpy")


def measure(options: Options) -> Iterator[Row]:
    yield shared(options)
    yield memoryviews(options)
    yield large_bytes(options)
    if np is not None:
        yield large_array(options)


def through_queue(module: Any, value: object) -> Callable[[], object]:
    """Puts the value into a queue and gets it out again."""
    queue = module.create_queue()
    put, get = queue.put, queue.get

    def run() -> object:
        put(value)
        return get()

    return run


def through_queues(value: object) -> dict[str, Callable[[], object]]:
    return {library.name: through_queue(library.load(), value) for library in libraries()}


def by_pickle(value: object) -> object:
    return pickle.loads(pickle.dumps(value, 5))


def shared(options: Options) -> Row:
    """A gigabyte costs what a byte costs."""
    value = atoll.SharedArray((1 << 17, 1 << 10), "float64")
    functions = {ATOLL.name: through_queue(ATOLL.load(), value)}
    values = interleaved_medians(functions, batches=options.pick(200, 20))
    return Row("SharedArray of 1 GB", "us", values, aim=3.0)


def memoryviews(options: Options) -> Row:
    functions = through_queues(memoryview(bytearray(LARGE)))
    values = interleaved_medians(functions, batches=options.pick(200, 20))
    return Row("memoryview of 100 MB", "us", values)


def large_bytes(options: Options) -> Row:
    """Two copies, the second into fresh memory of a new object."""
    value = bytes(LARGE)
    functions = through_queues(value) | {"pickle": partial(by_pickle, value)}
    return Row("bytes of 100 MB", "ms", milliseconds(functions, options))


def large_array(options: Options) -> Row:
    """Sending and receiving, beside one copy into memory that is there already."""
    value = np.ones(LARGE // 8)
    target = np.zeros(LARGE // 8)
    functions = through_queues(value) | {"pickle": partial(by_pickle, value)}
    functions["memcpy"] = partial(np.copyto, target, value)
    taken = milliseconds(functions, options)
    return Row("NumPy array of 100 MB", "ms", taken, aim=round(1.2 * taken["memcpy"], 2))


def milliseconds(functions: dict[str, Callable[[], object]], options: Options) -> dict[str, float]:
    """The median of single calls in turns: each takes longer than a batch should."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(options.pick(31, 7)):
        for name, function in functions.items():
            times[name].append(nanoseconds_per_call(function, 1) / 1e6)
    return {name: statistics.median(taken) for name, taken in times.items()}


def print_sizes() -> None:
    """The table that the limits in src/transfer/wire/codec.hpp come from."""
    module = ATOLL.load()
    print(f"{'bytes':>12}{'NumPy':>12}{'array':>12}{'bytes':>12}{'pickle NumPy':>16}  us")
    for exponent in range(6, 28):
        size = 1 << exponent
        numbers = np.ones(size, np.uint8)
        functions: dict[str, Callable[[], object]] = {
            "numpy": through_queue(module, numbers),
            "array": through_queue(module, array("B", bytes(size))),
            "bytes": through_queue(module, bytes(size)),
            "pickle": partial(by_pickle, numbers),
        }
        taken = interleaved_medians(functions, batches=15, batch_us=1000)
        figures = [taken[name] for name in ("numpy", "array", "bytes")]
        print(f"{size:12,}" + "".join(f"{each:12,.2f}" for each in figures), end="")
        print(f"{taken['pickle']:16,.2f}", flush=True)


if __name__ == "__main__":
    if np is None:
        sys.exit("needs NumPy")
    print_sizes()
