"""Packages with extension modules in workers, beside processes and joblib's loky.

Each kind of pool gets the same arrays, frames and records: packages_program.py.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from measure import ATOLL, Options, Row

COLUMNS = (ATOLL.name, "processes", "loky", "serial")
NEEDED = ("numpy", "pandas", "sklearn", "pydantic", "joblib")
#: How many times faster than the others it is meant to be.
TIMES = {
    "16 arrays of 10 MB, summed": {"processes": 8, "loky": 20},
    "16 arrays of 10 MB, doubled and returned": {"processes": 3, "loky": 6},
    "pandas group-by, 8 frames": {"processes": 1, "serial": 1.8},
    "scikit-learn, 4 forests fitted": {"processes": 1, "serial": 1.8},
    "pydantic, 200,000 records": {"processes": 1, "serial": 1.8},
    "start of a pool with NumPy": {"processes": 1},
    "memory of a worker with NumPy": {"processes": 2},
}


def measure(options: Options) -> Iterator[Row]:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing or sys.version_info < (3, 13):
        print(f"packages: not run, needs CPython 3.13 and {', '.join(missing or NEEDED)}")
        return
    program = Path(__file__).with_name("packages_program.py")
    command = [sys.executable, str(program), str(options.pick(9, 3))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    for row, values in json.loads(done.stdout.splitlines()[-1]).items():
        name, _, unit = row.rpartition(", ")
        yield Row(name, unit, values, times=TIMES.get(name, {}))
