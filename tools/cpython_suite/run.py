#!/usr/bin/env python3
"""Runs CPython's own tests of subinterpreters with atoll in the place of what they test.

`import atoll; atoll.install()` is done by the `site` module in every process and every interpreter:
a throw-away virtual environment around the Python that runs this script holds a .pth file that does
it (and a .start file, which CPython 3.15 takes instead), so that children started with -I and
subinterpreters get it too. Each test file runs in a process of its own; where a test kills it or
hangs, that is recorded and a new process goes on with the rest.

known.json says which tests cannot apply to atoll, and why; they run, but may fail.
Exit status: 0 all that applies passed, 1 something failed, 2 the tests could not run.
"""

import argparse
import contextlib
import fnmatch
import json
import os
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = [
    "test_interpreters.test_api",
    "test_interpreters.test_channels",
    "test_interpreters.test_lifecycle",
    "test_interpreters.test_queues",
    "test_interpreters.test_stress",
    "test__interpreters",
    "test__interpchannels",
    "test_crossinterp",
    "test_concurrent_futures.test_interpreter_pool",
    "test_concurrent_futures.test_as_completed",
    "test_concurrent_futures.test_init",
    "test_concurrent_futures.test_shutdown",
    "test_concurrent_futures.test_wait",
]
C_MODULES = ["_interpreters", "_interpqueues", "_interpchannels"]
COLUMNS = ["passed", "skipped", "expected", "known", "failed", "error", "crashed", "hung", "lost"]
FILE_LIMIT = 900  # seconds for one process; a test has --timeout
BAD = ("failed", "error", "unexpected", "crashed", "hung", "lost")

type Results = dict[str, dict[str, str]]

BOOT = """\
import sys

CPYTHONS_OWN = {forbidden!r}

class Forbid:
    # A replacement stands in sys.modules and is found there before any finder is asked.
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in CPYTHONS_OWN:
            raise ModuleNotFoundError("kept out by tools/cpython_suite: " + name, name=name)

def boot():
    if not hasattr(sys, "_atoll_suite"):
        sys._atoll_suite = "booting"
        if CPYTHONS_OWN:
            sys.meta_path.insert(0, Forbid)
        import atoll
        atoll.install()
        sys._atoll_suite = "ready"
"""

# Is atoll in place here, and in an interpreter made here?
PROBE = """\
CHECK = '''if True:
    import sys, atoll.interpreters, concurrent.interpreters
    assert sys._atoll_suite == "ready"
    assert concurrent.interpreters.create is atoll.interpreters.create
'''
exec(CHECK)
interp = concurrent.interpreters.create()
interp.exec(CHECK)
interp.close()
"""


def stop(message: str) -> None:
    print(f"cpython-suite: {message}", file=sys.stderr)
    sys.exit(2)


def check_tests() -> None:
    version = "{}.{}".format(*sys.version_info[:2])
    if sys.version_info < (3, 14):
        stop(
            f"CPython {version} has no tests of concurrent.interpreters; they came with 3.14.\n"
            "Try: make cpython-suite PYTHON=python3.14\n"
            "or:  tools/chroot run make cpython-suite PYTHON=python3.14"
        )
    if not Path(sysconfig.get_path("stdlib"), "test", "support").is_dir():
        stop(
            f"the `test` package of CPython {version} is not installed"
            f" (Debian: libpython{version}-testsuite)"
        )


def make_environment(root: Path, options: argparse.Namespace) -> Path:
    """Makes the virtual environment; returns its Python."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    python = root / "bin" / base.name
    python.parent.mkdir(parents=True)
    python.symlink_to(base)
    (root / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    packages = root / "lib" / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"
    packages.mkdir(parents=True)
    (packages / "atoll_path.pth").write_text(
        "".join(f"{path}\n" for path in site.getsitepackages() if Path(path).is_dir())
    )
    if not options.stock:
        forbidden = C_MODULES if options.forbid_c else []
        (packages / "_atoll_suite.py").write_text(BOOT.format(forbidden=forbidden))
        # One name: CPython 3.15 then ignores the import line of the .pth file (PEP 829).
        (packages / "atoll_suite.pth").write_text("import _atoll_suite; _atoll_suite.boot()\n")
        (packages / "atoll_suite.start").write_text("_atoll_suite:boot\n")
    return python


def environment(root: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return env | {"TMPDIR": str(root), "NO_COLOR": "1"}


def run_file(name: str, python: Path, root: Path, options: argparse.Namespace) -> Results:
    """Runs one test file, in as many processes as it takes; returns what became of each test."""
    module = f"test.{name}"
    results: Results = {}
    log_path = options.logs / f"{module}.log"
    while True:
        directory = Path(tempfile.mkdtemp(dir=root))
        job = {
            "module": module,
            "match": options.match,
            "stock": options.stock,
            "limit": options.timeout,
            "finished": list(results),
            "directory": str(directory),
            "events": str(directory / "events"),
        }
        (directory / "job").write_text(json.dumps(job))
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [python, HERE / "worker.py", directory / "job"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(root),
                start_new_session=True,
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(FILE_LIMIT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also the children that a test left
        if evaluate(directory / "events", module, process.wait(), log_path, results):
            return results


def evaluate(events: Path, module: str, status: int, log: Path, results: Results) -> bool:
    """Adds what a worker wrote to `results`; true where another worker would find nothing to do."""
    before = len(results)
    running: str | None = None
    names: list[str] = []
    done = False
    for line in events.read_text().splitlines() if events.exists() else []:
        event = json.loads(line)
        running = event.get("start")
        names = event.get("all", names)
        done = done or "done" in event
        if "end" in event:
            results[event["end"]] = event
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    if running is not None or (done and status != 0):
        hung = status == -signal.SIGKILL or b"Timeout (" in log.read_bytes()[-100_000:]
        results[running or f"{module} (end of process)"] = {
            "status": "hung" if hung else "crashed",
            "text": f"{how}; see {log}",
        }
    if not done and len(results) == before:
        for name in names or [f"{module} (start of process)"]:
            results.setdefault(name, {"status": "lost", "text": f"never ran: {how}; see {log}"})
        return True
    return done


def load_known(path: Path) -> dict[str, str]:
    """Pattern -> why it does not apply to this version."""
    groups = json.loads(path.read_text())
    known: dict[str, str] = {}
    for group in groups:
        if sys.version_info[:2] >= tuple(group.get("since", [3, 0])):
            known |= dict.fromkeys(group["tests"], group["why"])
    return known


def print_row(name: str, *cells: object) -> None:
    print(f"{name:46}" + "".join(f"{cell:>9}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("files", nargs="*", default=FILES, help="test files, e.g. test__interpreters")
    add("-k", dest="match", default="", metavar="TEXT", help="only tests whose id contains TEXT")
    add("--forbid-c", action="store_true", help="keep CPython's own C modules out, as a proof")
    add("--stock", action="store_true", help="without atoll, for comparison")
    add("--timeout", type=float, default=120, help="seconds for one test")
    add("--logs", type=Path, default=Path("build/cpython-suite"), help="output of the tests")
    options = parser.parse_args()
    options.logs = options.logs.resolve()
    options.logs.mkdir(parents=True, exist_ok=True)
    for old in options.logs.iterdir():
        if old.suffix in (".log", ".txt"):
            old.unlink()
    check_tests()
    known = {} if options.stock else load_known(HERE / "known.json")

    total: Counter[str] = Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="atoll-suite-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        python = make_environment(root / "env", options)
        print(f"CPython {sys.version.split()[0]}, {'stock' if options.stock else 'atoll'}")
        if not options.stock:
            for flags in ([], ["-I"]):
                if subprocess.call([python, *flags, "-c", PROBE], env=environment(root)) != 0:
                    stop("atoll.install() does not reach every process and interpreter (see above)")
        print_row("", "run", *COLUMNS)
        for file in options.files:
            results = run_file(file, python, root, options)
            counts: Counter[str] = Counter()
            for test, result in results.items():
                status = result["status"]
                if status in BAD and any(fnmatch.fnmatchcase(test, pattern) for pattern in known):
                    status = "known"
                elif status in BAD:
                    failures.append(f"{status:8} {test}")
                    (options.logs / f"{test}.txt").write_text(result.get("text", ""))
                counts["failed" if status == "unexpected" else status] += 1
                counts["run"] += not result.get("fixture") and status != "lost"
            total += counts
            print_row(file, counts["run"], *(counts[column] for column in COLUMNS))
    print_row("total", total["run"], *(total[column] for column in COLUMNS))
    if failures:
        print(f"\n{len(failures)} tests that apply did not pass (details in {options.logs}):")
        print(*(f"  {line}" for line in failures), sep="\n")
    else:
        print("all tests that apply passed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
