"""Runs the packages of packages.toml in isolated interpreters, and writes the table of results.

Each package is tried in processes of its own: in the main interpreter, which tells whether the use
is right here at all; then in an isolated interpreter, in two at once, with threads of its own,
closed, and once more in a new one, to the end of the process. Needs atoll and the packages
installed (`make extensions` sees to that).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STEPS = {
    "import": "import",
    "use": "use",
    "second": "import in a second interpreter",
    "at once": "use in two at once",
    "threads": "its own threads, in two at once",
    "closed": "close",
    "again": "use after these were closed",
    "end": "end",
}


@dataclass
class Trial:
    """How far a package came in one process."""

    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: str = ""  #: the step that failed
    reason: str = ""
    kind: str = "ok"  #: ok, failure, crash, hang

    @property
    def text(self) -> str:
        if self.kind == "ok":
            return "ok"
        return f"**{self.kind}**: {STEPS[self.failed]}: {self.reason}"


def try_package(package: dict[str, Any], where: str, timeout: float) -> Trial:
    trial = Trial()
    read, write = os.pipe()
    command = [sys.executable, "-W", "ignore", "-X", "faulthandler", str(HERE / "trial.py")]
    given = json.dumps(package | {"where": where})
    # The child knows the pipe as descriptor 3.
    child = subprocess.Popen(
        ["sh", "-c", f'exec 3>&{write}; exec "$@"', "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=[write],
        start_new_session=True,
        cwd="/",  # some packages read the settings of a project that they are started in
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )
    os.close(write)
    hung = False
    try:
        _, errors = child.communicate(given, timeout)
    except subprocess.TimeoutExpired:
        hung = True
        os.killpg(child.pid, signal.SIGABRT)  # faulthandler shows where
        _, errors = child.communicate()
    with os.fdopen(read, encoding="utf-8") as told:
        for line in told:
            facts = json.loads(line)
            trial.steps[facts.pop("step")] = facts
    expected = list(STEPS) if where != "main" else ["import", "use"]
    if not package.get("threads"):
        expected = [step for step in expected if step != "threads"]
    for step in expected:
        error = trial.steps.get(step, {}).get("error", "")
        if step in trial.steps and not error:
            continue
        trial.failed = step
        if error:
            trial.kind, trial.reason = "failure", error.strip().splitlines()[-1]
        elif hung:
            trial.kind, trial.reason = "hang", f"not over after {timeout:g} s"
        elif child.returncode < 0:
            trial.kind = "crash"
            trial.reason = signal.Signals(-child.returncode).name
        else:
            trial.kind = "failure"
            lines = errors.strip().splitlines()
            trial.reason = lines[-1] if lines else f"exit status {child.returncode}"
        return trial
    if child.returncode != 0:
        trial.failed, trial.kind = "end", "crash" if child.returncode < 0 else "failure"
        trial.reason = f"the process ended with status {child.returncode}"
        if child.returncode < 0:
            trial.reason = signal.Signals(-child.returncode).name + " at the end of the process"
    return trial


def loads(trial: Trial) -> str:
    private = trial.steps.get("second", {}).get("private")
    if private is None:
        return "-"
    if not private:
        return "shared"
    return f"{len(private)} private" if len(private) > 1 else "1 private"


def row(package: dict[str, Any], main: Trial, isolated: Trial) -> str:
    imported = isolated.steps.get("second", {})
    seconds = f"{imported['seconds'] * 1e3:.0f}" if imported else "-"
    size = f"{imported['kilobytes'] / 1024:.1f}" if imported else "-"
    result = isolated.text
    if main.kind != "ok":
        result = f"not usable here, in the main interpreter either: {main.reason}"
    elif isolated.kind == "ok" and package.get("threads"):
        result = "ok, with threads"
    cells = [package["name"], package["version"], loads(isolated), seconds, size, result]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(results: list[tuple[dict[str, Any], Trial, Trial]]) -> str:
    usable = [each for each in results if each[1].kind == "ok"]
    fine = sum(isolated.kind == "ok" for _, _, isolated in usable)
    kinds = {
        kind: sum(isolated.kind == kind for _, _, isolated in usable)
        for kind in ("failure", "crash", "hang")
    }
    failed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    head = (HERE / "head.md").read_text()
    version = f"CPython {platform.python_version()}, {platform.machine()}"
    rows = "\n".join(row(*each) for each in results)
    return (
        f"{head}\n{version}: {fine} of {len(usable)} packages work ({failed}).\n\n"
        "| package | version | loads | import, ms | MB | result |\n|---|---|---|--:|--:|---|\n"
        f"{rows}\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="packages (all)")
    parser.add_argument("--output", type=Path, help="the table, as Markdown")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one process (120)")
    parser.add_argument("--requirements", action="store_true", help="print what pip has to install")
    options = parser.parse_args()
    packages = tomllib.loads((HERE / "packages.toml").read_text())["package"]
    if options.names:
        packages = [each for each in packages if each["name"] in options.names]
    if options.requirements:
        for each in packages:
            print(f"{each['name']}=={each['version']}", *each.get("requires", []), sep="\n")
        return 0

    def run(package: dict[str, Any]) -> tuple[dict[str, Any], Trial, Trial]:
        main = try_package(package, "main", options.timeout)
        return package, main, try_package(package, "isolated", options.timeout)

    results = []
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 2) // 2)) as threads:
        for result in threads.map(run, packages):
            results.append(result)
            print(row(*result), flush=True)
    if options.output:
        options.output.write_text(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
