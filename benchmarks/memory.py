"""What an interpreter takes, and whether creating and closing many leaves anything behind.

Each library is measured in a process of its own: `python memory.py MODULE KIND COUNT` prints the
growth in KB as JSON. That is the growth of the proportional set size (Pss in
/proc/self/smaps_rollup), where memory that several processes share counts in parts.
"""

import importlib
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import Options, Row, in_fresh_process, libraries

WARM_UP = 100  # cycles before the growth counts


def measure(options: Options) -> Iterator[Row]:
    count = options.pick(30, 10)
    runs = options.pick(3, 1)
    memory = Row("memory of one more interpreter", "KB", aim_ratio=1.1)
    growth = Row("growth, cycles 101 to 500", "KB", aim=0)
    for library in libraries():
        each = [in_fresh_process("memory.py", library.module, "each", count) for _ in range(runs)]
        memory.values[library.name] = statistics.median(each)
    yield memory
    for library in libraries():
        cycles = options.pick(500, 150)
        growth.name = f"growth, cycles {WARM_UP + 1} to {cycles}"
        growth.values[library.name] = in_fresh_process(
            "memory.py", library.module, "cycles", cycles
        )
    yield growth


def proportional_kilobytes() -> int:
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("this kernel tells no proportional set size")


def each(module_name: str, count: int) -> float:
    """Kilobytes per interpreter that is created and has run something."""
    module = importlib.import_module(module_name)

    def create_one() -> Any:
        interpreter = module.create()
        interpreter.exec("pass")
        return interpreter

    kept = [create_one() for _ in range(2)]  # what is loaded once, is loaded now
    before = proportional_kilobytes()
    kept += [create_one() for _ in range(count)]
    grown = proportional_kilobytes() - before
    for interpreter in kept:
        interpreter.close()
    return grown / count


def cycles(module_name: str, count: int) -> float:
    """Kilobytes by which the process grows in `count` create/close cycles, after the first 100."""
    module = importlib.import_module(module_name)
    before = 0
    for cycle in range(count):
        if cycle == WARM_UP:
            before = proportional_kilobytes()
        interpreter = module.create()
        interpreter.exec("pass")
        interpreter.close()
    return proportional_kilobytes() - before


if __name__ == "__main__":
    kinds = {"each": each, "cycles": cycles}
    print(json.dumps(kinds[sys.argv[2]](sys.argv[1], int(sys.argv[3]))))
