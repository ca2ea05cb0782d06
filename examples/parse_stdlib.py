"""Parse the whole standard library: first serially, then with one interpreter per core.

Every module is read, parsed with `ast` and walked; the report says what the library consists of.
Each worker thread has an interpreter of its own and calls `analyse_batch` in it, so all cores
compute at once, in one process. The function is passed like any other object: an interpreter that
does not know this script yet runs its file once, as a module, and finds the function there.

    python examples/parse_stdlib.py [--workers N] [--limit N] [PATH ...]

Exit status: 0, or 1 if the two runs differ, 2 for bad arguments, 130 after Ctrl-C.
"""

import argparse
import ast
import heapq
import os
import platform
import sys
import sysconfig
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from atoll import interpreters

TOP = 5  # this many functions of each kind are reported
BATCH_BYTES = 200_000  # of source per call: a few tenths of a second
SKIPPED = {"site-packages", "dist-packages", "__pycache__"}
BRANCHES = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.comprehension,
    ast.ExceptHandler,
    ast.match_case,
)


class Function(TypedDict):
    where: str
    lines: int
    branches: int


class Module(TypedDict):
    """What one file holds: a plain dict, which travels between interpreters without pickle."""

    path: str
    error: str | None
    lines: int
    classes: int
    functions: int
    largest: list[Function]
    most_branching: list[Function]


class Batch(TypedDict):
    paths: list[str]
    size: int  # bytes of source


type Advance = Callable[[int], object]  # is told how many bytes of source are done

# What every interpreter runs ----------------------------------------------------------------------


def top(functions: Iterable[Function], key: Literal["lines", "branches"]) -> list[Function]:
    return heapq.nsmallest(TOP, functions, key=lambda f: (-f[key], f["where"]))


def analyse(path: str) -> Module:
    module = Module(
        path=path, error=None, lines=0, classes=0, functions=0, largest=[], most_branching=[]
    )
    try:
        source = Path(path).read_bytes()
        tree = ast.parse(source, path)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # The library has files that are broken on purpose, for its own tests.
        module["error"] = f"{type(error).__name__}: {error}"
        return module
    functions: list[Function] = []
    outside = Function(where=path, lines=0, branches=0)
    to_visit: list[tuple[ast.AST, Function]] = [(tree, outside)]
    while to_visit:
        node, function = to_visit.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = Function(
                where=f"{path}:{node.lineno} {node.name}",
                lines=(node.end_lineno or node.lineno) - node.lineno + 1,
                branches=0,
            )
            functions.append(function)
        elif isinstance(node, ast.ClassDef):
            module["classes"] += 1
        elif isinstance(node, BRANCHES):
            function["branches"] += 1
        elif isinstance(node, ast.BoolOp):
            function["branches"] += len(node.values) - 1
        to_visit.extend([(child, function) for child in ast.iter_child_nodes(node)])
    module["lines"] = len(source.splitlines())
    module["functions"] = len(functions)
    module["largest"] = top(functions, "lines")
    module["most_branching"] = top(functions, "branches")
    return module


def analyse_batch(paths: list[str]) -> list[Module]:
    with warnings.catch_warnings(action="ignore"):  # SyntaxWarning, for old test files
        return [analyse(path) for path in paths]


# The two runs -------------------------------------------------------------------------------------


def run_serially(batches: list[Batch], advance: Advance) -> list[Module]:
    modules: list[Module] = []
    for batch in batches:
        modules += analyse_batch(batch["paths"])
        advance(batch["size"])
    return modules


def run_in_interpreters(batches: list[Batch], workers: int, advance: Advance) -> list[Module]:
    modules: list[Module] = []
    created = [interpreters.create() for _ in range(workers)]
    unassigned = iter(created)
    mine = threading.local()

    def take_interpreter() -> None:
        mine.interpreter = next(unassigned)

    def call(paths: list[str]) -> list[Module]:
        result: list[Module] = mine.interpreter.call(analyse_batch, paths)
        return result

    threads = ThreadPoolExecutor(workers, initializer=take_interpreter)
    try:
        running = {threads.submit(call, batch["paths"]): batch["size"] for batch in batches}
        for future in as_completed(running):
            modules += future.result()
            advance(running[future])
    finally:
        # After Ctrl-C or an error: no new batches; those that run take a moment to end.
        threads.shutdown(cancel_futures=True)
        for interpreter in created:
            interpreter.close()
    return modules


# Input --------------------------------------------------------------------------------------------


def standard_library() -> list[Path]:
    """The directories of the running Python's own modules."""
    return [Path(path) for path in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}]


def find_files(paths: Iterable[Path]) -> list[Path]:
    files: set[Path] = set()
    for path in paths:
        if path.is_file():
            files.add(path)
            continue
        for directory, inner, names in path.walk():
            inner[:] = set(inner) - SKIPPED
            files.update(directory / name for name in names if name.endswith(".py"))
    return sorted(file for file in files if file.is_file())


def make_batches(files: Iterable[Path]) -> list[Batch]:
    """Largest files first, so that at the end no worker is left alone with a long one."""
    batches: list[Batch] = []
    # Reading everything once also puts it into the page cache: both runs find the same conditions.
    sizes = sorted(((len(file.read_bytes()), str(file)) for file in files), reverse=True)
    for size, path in sizes:
        if not batches or batches[-1]["size"] + size > BATCH_BYTES:
            batches.append(Batch(paths=[], size=0))
        batches[-1]["paths"].append(path)
        batches[-1]["size"] += size
    return batches


def positive(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, not {text!r}")


def parse_arguments() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(
        description="Parse the standard library on one core, then on all."
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="parse these instead")
    parser.add_argument(
        "--workers", type=positive, default=cores, metavar="N", help="interpreters (%(default)s)"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="parse only so many files")
    arguments = parser.parse_args()
    for path in arguments.paths:
        if not path.exists():
            parser.error(f"no such file or directory: {path}")
    arguments.files = find_files(arguments.paths or standard_library())[: arguments.limit]
    if not arguments.files:
        parser.error("no Python files found")
    return arguments


# Output -------------------------------------------------------------------------------------------


def timed(
    title: str, batches: list[Batch], run: Callable[[Advance], list[Module]]
) -> tuple[list[Module], float]:
    """Runs with a progress bar; returns what was found, by path, and the time in seconds."""
    total = sum(batch["size"] for batch in batches)
    with progress_bar(title, total) as bar:
        start = time.perf_counter()
        modules = run(bar.update)
        seconds = time.perf_counter() - start
    return sorted(modules, key=lambda module: module["path"]), seconds


def progress_bar(title: str, total: int) -> Any:
    # Imported here, as the other interpreters run this file too and draw nothing.
    try:
        from tqdm import tqdm
    except ImportError:
        return PlainProgress(title, total)
    interval = 0.1 if sys.stderr.isatty() else 5  # seconds
    return tqdm(desc=title, total=total, unit="B", unit_scale=True, ncols=80, mininterval=interval)


class PlainProgress:
    """Stands in where tqdm is not installed."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, max(total, 1), 0

    def __enter__(self) -> Self:
        return self

    def update(self, size: int) -> None:
        before, self.done = self.done, self.done + size
        if 10 * before // self.total != 10 * self.done // self.total:
            sys.stderr.write(f"\r{self.title}: {100 * self.done // self.total:3} %")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        sys.stderr.write("\n")


def report(modules: list[Module]) -> None:
    parsed = [module for module in modules if module["error"] is None]
    broken = len(modules) - len(parsed)
    print(f"\nmodules    {len(parsed):10,}    and {broken} that cannot be parsed")
    print(f"lines      {sum(module['lines'] for module in parsed):10,}")
    print(f"classes    {sum(module['classes'] for module in parsed):10,}")
    print(f"functions  {sum(module['functions'] for module in parsed):10,}")
    print("\nlargest functions, in lines")
    for function in top((f for module in parsed for f in module["largest"]), "lines"):
        print(f"  {function['lines']:6,}  {function['where']}")
    print("\nmost branching functions, in branches")
    for function in top((f for module in parsed for f in module["most_branching"]), "branches"):
        print(f"  {function['branches']:6,}  {function['where']}")


def main() -> int:
    arguments = parse_arguments()
    batches = make_batches(arguments.files)
    workers = arguments.workers
    plural = "interpreters" if workers > 1 else "interpreter"
    count = len(arguments.files)
    print(f"CPython {platform.python_version()}: {count:,} file{'s' * (count > 1)}", flush=True)

    serial, serial_time = timed("serially", batches, lambda advance: run_serially(batches, advance))
    parallel, parallel_time = timed(
        f"{workers} {plural}",
        batches,
        lambda advance: run_in_interpreters(batches, workers, advance),
    )

    report(serial)
    equal = serial == parallel
    print(f"\nserially         {serial_time:8.2f} s")
    print(f"{workers} {plural:<14} {parallel_time:8.2f} s    from creating to closing them")
    print(f"speed-up         {serial_time / parallel_time:8.2f}")
    print(f"results          {'equal' if equal else 'DIFFERENT':>8}")
    return 0 if equal else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
