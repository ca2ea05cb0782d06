"""The published benchmark of subinterpreters: CPU-bound and IO-bound work, spread in every way.

    python benchmarks/published.py [--quick] [--json FILE] [--plot FILE] [pyperf's options]

CPU-bound is the product over each of four ranges; IO-bound are 20 GETs by httpx to a server in a
process of its own, which answers after 50 ms. Cold includes making and ending the pool, as it was
published; warm does not. All ways take turns for several rounds, so that a machine whose speed
varies is slow for all of them; in each round pyperf measures each in a process of its own. Figures
are medians.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import published_work
import pyperf

LATENCY = 0.05
ROUNDS = 9
WARM_LOOPS = 4
WORKS = {"cpu": "CPU-bound", "io": "IO-bound"}
HERE = Path(__file__).parent
WITHOUT_GIL = "Threading without GIL"


@dataclass
class Row:
    """One way to do one work: seconds, or why there are none."""

    work: str
    way: str
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    reason: str | None = None


def find_free_threaded() -> str | None:
    """A free-threaded CPython, whose GIL is off."""
    given = os.environ.get("PYTHON_WITHOUT_GIL")
    minors = [sys.version_info.minor, *(n for n in (15, 14, 13) if n != sys.version_info.minor)]
    for candidate in [given] if given else [f"python3.{minor}t" for minor in minors]:
        path = candidate and shutil.which(candidate)
        check = "import sys; sys.exit(getattr(sys, '_is_gil_enabled', lambda: True)())"
        if path and subprocess.run([path, "-c", check], check=False).returncode == 0:
            return path
    return None


class Program:
    """The benchmark, in pyperf's main process and in each of its workers."""

    def __init__(self) -> None:
        self.runner = pyperf.Runner(
            add_cmdline_args=self._pass_on, processes=1, values=1, warmups=0
        )
        add = self.runner.argparser.add_argument
        add("--quick", action="store_true", help="fewer runs: noisier")
        add("--json", type=Path, metavar="FILE", help="write the table there")
        add("--plot", type=Path, metavar="FILE", help="write a PNG there (needs matplotlib)")
        add("--port", type=int, default=0, help="for the program's own use")
        add("--skip", default="", help="likewise: pyperf numbers what is left")
        add("--without-gil", metavar="PATH", help="a free-threaded CPython")
        self.options = self.runner.parse_args()
        self.is_worker = self.options.worker
        # Interpreters and processes import published_work; httpx, where it is not installed.
        os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *sys.path[1:]])
        self.options.inherit_environ = [*(self.options.inherit_environ or []), "PYTHONPATH"]
        if self.options.without_gil is None and not self.is_worker:
            self.options.without_gil = find_free_threaded()

    def _pass_on(self, command: list[str], options: Any) -> None:
        command += ["--port", str(options.port), "--skip", options.skip]
        if options.without_gil:
            command += ["--without-gil", options.without_gil]

    # --- one figure --------------------------------------------------------------------------

    def _elsewhere(self, way: str, work: str, loops: int, cold: bool) -> float:
        """The measurement in a process of its own."""
        python = self.options.without_gil if way == WITHOUT_GIL else sys.executable
        if python is None:
            raise LookupError("no free-threaded CPython found (python3.14t)")
        command = [python, str(HERE / "published_work.py"), way, work]
        command += [str(self.options.port), str(loops), "cold" if cold else "warm"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise LookupError(done.stderr.strip().rpartition("\n")[2] or f"{done.returncode}")
        return float(done.stdout)

    def _seconds(self, way: str, work: str, cold: bool, turn: int) -> list[float]:
        def measure(loops: int) -> float:
            if way == WITHOUT_GIL:
                return self._elsewhere(way, work, loops, cold)
            return published_work.measure(way, work, self.options.port, loops, cold=cold)

        options = self.options
        options.quiet = True  # of warnings that the figures vary
        # Warm: the next few times on a pool that has done it once.
        options.loops = 1 if options.quick or cold else WARM_LOOPS
        name = f"{WORKS[work]}, {way}, {'cold' if cold else 'warm'}, round {turn}"
        result = self.runner.bench_time_func(name, measure)
        return [] if result is None or self.is_worker else list(result.get_values())

    def _try(self, row: Row) -> None:
        """Find out whether it can be measured here."""
        try:
            self._elsewhere(row.way, row.work, 1, cold=True)
        except (LookupError, subprocess.TimeoutExpired) as problem:
            row.reason = str(problem)
            self.options.skip += f"{row.work}:{row.way};"
            print(f"{WORKS[row.work]}, {row.way}: {row.reason}", flush=True)

    def _measure(self, row: Row, turn: int) -> None:
        if f"{row.work}:{row.way};" in self.options.skip:
            return
        row.cold += self._seconds(row.way, row.work, cold=True, turn=turn)
        if row.way == "Regular":  # there is nothing to be warm
            row.warm = row.cold
        else:
            row.warm += self._seconds(row.way, row.work, cold=False, turn=turn)

    # --- all of it ---------------------------------------------------------------------------

    def run(self) -> None:
        if self.is_worker:
            self._rows()
            return
        with subprocess.Popen(
            [sys.executable, str(HERE / "published_server.py"), str(LATENCY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdin
            assert server.stdout
            self.options.port = int(server.stdout.readline())
            rows = self._rows()
            server.stdin.close()
        print_table(rows)
        document = {"machine": machine(), "rows": [asdict(row) for row in rows]}
        if self.options.json:
            self.options.json.write_text(json.dumps(document, indent=1) + "\n")
        if self.options.plot:
            try:
                import published_plot

                published_plot.draw(document, self.options.plot)
            except ImportError as error:
                print(f"\nno plot: {error}")
            else:
                print(f"\nplot: {self.options.plot}")

    def _rows(self) -> list[Row]:
        rows = [Row(work, way) for work in WORKS for way in published_work.WAYS]
        if not self.is_worker:
            for row in rows:
                self._try(row)
        for turn in range(2 if self.options.quick else ROUNDS):
            for row in rows:
                self._measure(row, turn + 1)
        return rows


def machine() -> dict[str, Any]:
    from run import machine

    import atoll

    return machine() | {"atoll": atoll.__version__, "pyperf": pyperf.__version__}


def print_table(rows: list[Row]) -> None:
    for work, title in WORKS.items():
        print(f"\n{title:24}{'cold':>12}{'warm':>12}")
        for row in rows:
            if row.work != work:
                continue
            if row.reason is not None:
                print(f"{row.way:24}{'-':>12}{'-':>12}   {row.reason}")
                continue
            cold, warm = (
                f"{1000 * statistics.median(values):,.1f} ms" if values else "-"
                for values in (row.cold, row.warm)
            )
            print(f"{row.way:24}{cold:>12}{warm:>12}")


if __name__ == "__main__":
    Program().run()
