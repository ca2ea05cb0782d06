"""Measure atoll, beside CPython's own concurrent.interpreters where there is one (3.14 or newer).

    python benchmarks/run.py [--quick] [--json FILE] [--plot FILE] [SUBJECT ...]

Figures are medians; the two libraries take turns, so that noise of the machine reaches both. The
table is printed on stdout, progress on stderr. The exit status does not say whether an aim is
reached: that depends on the machine.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measure import ATOLL, STOCK, Options, Row, Subject

#: Measured by pyperf, as it was published; it has a table of its own.
PUBLISHED = "published"
SUBJECTS = (
    *(
        "interpreters",
        "queues",
        "csp",
        "pools",
        "script",
        "transfer",
        "buffers",
        "packages",
        "memory",
    ),
    "speedup",
    PUBLISHED,
)
# Of the table; a subject that compares with more names them in COLUMNS of its own.
COLUMNS = (ATOLL.name, STOCK.name)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure atoll beside CPython's own interpreters.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: seconds, and noisier")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    help = "draw the published benchmark there, as PNG"
    parser.add_argument("--plot", type=Path, metavar="FILE", help=help)
    arguments = parser.parse_args()
    for name in arguments.subjects:
        if name not in SUBJECTS:
            parser.error(f"unknown subject {name!r}: choose from {', '.join(SUBJECTS)}")
    for file in (arguments.json, arguments.plot):
        if file and not file.absolute().parent.is_dir():
            parser.error(f"no such directory: {file.absolute().parent}")
    return arguments


def machine() -> dict[str, Any]:
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
    }


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f} {unit}" if unit == "KB" else f"{value:,.2f} {unit}"


def aim(row: Row) -> str:
    if row.aim is not None:
        text = f"{'>=' if row.unit == 'x' else '<='} {row.aim:g} {row.unit}"
    elif row.aim_ratio is not None:
        text = f"<= {row.aim_ratio:g} of {STOCK.name}"
    elif row.times:
        text = f"{', '.join(f'{factor:g} x {name}' for name, factor in row.times.items())}:"
    else:
        return ""
    verdict = {True: "reached", False: "NOT REACHED", None: "no comparison"}[row.reached]
    return f"{text}  {verdict}"


def print_line(*cells: str) -> None:
    name, *figures, last = cells
    line = f"{name:36}" + "".join(f"{cell:>14}" for cell in figures) + f"   {last}"
    print(line.rstrip(), flush=True)


def run_published(arguments: argparse.Namespace) -> Any:
    """The published benchmark, in a process that pyperf can make copies of; its rows."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "published.json")
        command = [sys.executable, str(Path(__file__).with_name("published.py"))]
        command += ["--json", str(results)]
        command += ["--quick"] if arguments.quick else []
        command += ["--plot", str(arguments.plot.absolute())] if arguments.plot else []
        subprocess.run(command, check=True)
        return json.loads(results.read_text())["rows"]


def main() -> int:
    arguments = parse_arguments()
    options = Options(quick=arguments.quick)
    facts = machine()
    print(f"{facts['python']}, {facts['system']}")
    print(f"{facts['processor']}, {facts['cores']} cores, load {facts['load']}\n")
    columns: tuple[str, ...] = ()
    rows: dict[str, list[dict[str, Any]]] = {}
    start = time.monotonic()
    for name in arguments.subjects or SUBJECTS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        if name == PUBLISHED:
            rows[name] = run_published(arguments)
            continue
        subject = importlib.import_module(name)
        former, columns = columns, getattr(subject, "COLUMNS", COLUMNS)
        if columns != former:
            print_line("", *columns, "better by", "aim")
        measure: Subject = subject.measure
        for row in measure(options):
            figures = [number(row.values.get(column), row.unit) for column in columns]
            print_line(row.name, *figures, number(row.ratio, "x"), aim(row))
            for peer, value in row.peers.items():
                blanks = ("",) * (len(columns) - 1)
                print_line(f"  beside it: {peer}", *blanks, "", number(value, row.unit), "")
            result = asdict(row) | {"ratio": row.ratio, "reached": row.reached}
            rows.setdefault(name, []).append(result)
    print(f"took {time.monotonic() - start:.0f} s", file=sys.stderr)
    if arguments.json:
        document = {"machine": facts, "quick": arguments.quick, "subjects": rows}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
