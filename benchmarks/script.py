"""Functions of a script that use a large global, beside CPython's executors.

What matters happens in a `__main__`, so a program of its own does it: script_program.py.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from measure import ATOLL, STOCK, Options, Row


def measure(options: Options) -> Iterator[Row]:
    program = Path(__file__).with_name("script_program.py")
    command = [sys.executable, str(program), str(options.pick(9, 3))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    for name, seconds in json.loads(done.stdout).items():
        values = {way: each * 1e3 for way, each in seconds.items()}
        ours = {way: values.pop(way) for way in (ATOLL.name, STOCK.name) if way in values}
        yield Row(name, "ms", ours, aim_ratio=1.2 if STOCK.name in ours else None, peers=values)
