"""What an interpreter takes, and whether creating and closing many leaves anything behind.

Each library is measured in a process of its own: `python memory.py MODULE KIND COUNT [PACKAGE]`
prints the growth in KB as JSON. That is the growth of the proportional set size (Pss in
/proc/self/smaps_rollup), where memory that several processes share counts in parts.

CPython 3.12 and 3.13 have what concurrent.interpreters is built on already, in a private module
that works with ids: enough to compare with.
"""

import importlib
import importlib.util
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

from measure import ATOLL, STOCK, Options, Row, in_fresh_process

WARM_UP = 100  # cycles before the growth counts
PACKAGES = {"NumPy": "numpy", "pandas": "pandas"}  # private copies of these stay loaded
NOISE = 64  # KB: nothing, give or take some pages; one interpreter left behind is over 2000
MODULES = {
    ATOLL.name: ATOLL.module,
    STOCK.name: STOCK.module
    if sys.version_info >= (3, 14)
    else "_interpreters"
    if sys.version_info >= (3, 13)
    else "_xxsubinterpreters",
}


def measure(options: Options) -> Iterator[Row]:
    count = options.pick(30, 10)
    runs = options.pick(3, 1)
    memory = Row("memory of one more interpreter", "KB", aim_ratio=1.1)
    cycles = options.pick(500, 150)
    growth = Row(f"growth, cycles {WARM_UP + 1} to {cycles}", "KB", aim=NOISE)
    for name, module in MODULES.items():
        each = [in_fresh_process("memory.py", module, "each", count) for _ in range(runs)]
        memory.values[name] = statistics.median(each)
    yield memory
    for name, module in MODULES.items():
        total = [in_fresh_process("memory.py", module, "cycles", cycles) for _ in range(runs)]
        growth.values[name] = statistics.median(total)
    yield growth
    for name, package in PACKAGES.items():
        if importlib.util.find_spec(package):
            row = Row(f"left by a closed interpreter with {name}", "KB")
            count = options.pick(30, 5)
            row.values[ATOLL.name] = in_fresh_process(
                "memory.py", ATOLL.module, "left", count, package
            )
            yield row


def proportional_kilobytes() -> int:
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("this kernel tells no proportional set size")


def create(module: ModuleType) -> Callable[[], object]:
    """Creates an interpreter, runs something in it, and returns what closes it."""
    interpreter = module.create()
    if hasattr(interpreter, "close"):
        interpreter.exec("pass")
        close: Callable[[], object] = interpreter.close
        return close
    module.run_string(interpreter, "pass")
    return partial(module.destroy, interpreter)


def each(module: ModuleType, count: int) -> float:
    """Kilobytes per interpreter."""
    closers = [create(module) for _ in range(2)]  # what is loaded once, is loaded now
    before = proportional_kilobytes()
    closers += [create(module) for _ in range(count)]
    grown = proportional_kilobytes() - before
    for close in closers:
        close()
    return grown / count


def cycles(module: ModuleType, count: int) -> float:
    """Kilobytes by which the process grows in `count` create/close cycles, after the first 100."""
    before = 0
    for cycle in range(count):
        if cycle == WARM_UP:
            before = proportional_kilobytes()
        create(module)()
    return proportional_kilobytes() - before


def left(module: ModuleType, count: int, package: str) -> float:
    """Kilobytes that stay for each interpreter that has imported a package and was closed."""

    def cycle() -> None:
        interpreter = module.create()
        interpreter.exec(f"import {package}")
        interpreter.close()

    for _ in range(2):
        cycle()
    before = proportional_kilobytes()
    for _ in range(count):
        cycle()
    return (proportional_kilobytes() - before) / count


if __name__ == "__main__":
    kinds: dict[str, Callable[..., float]] = {"each": each, "cycles": cycles, "left": left}
    measured = kinds[sys.argv[2]]
    print(
        json.dumps(measured(importlib.import_module(sys.argv[1]), int(sys.argv[3]), *sys.argv[4:]))
    )
