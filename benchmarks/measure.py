"""What all benchmarks share: the libraries under test, rows of results, timing."""

import importlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from types import FunctionType, ModuleType
from typing import Any, Literal

type Unit = Literal["us", "ms", "KB", "x"]


@dataclass(frozen=True)
class Library:
    """One implementation of PEP 734: atoll's, or CPython's own."""

    name: str
    module: str

    def load(self) -> ModuleType:
        return importlib.import_module(self.module)


ATOLL = Library("atoll", "atoll.interpreters")
STOCK = Library("CPython", "concurrent.interpreters")


def libraries() -> list[Library]:
    """atoll, and CPython's own where this CPython (3.14 and later) has it."""
    return [ATOLL, STOCK] if sys.version_info >= (3, 14) else [ATOLL]


@dataclass
class Row:
    """One line of the table.

    `values` maps a library's name to its result. `aim` is what atoll is meant to reach: at most so
    much, in `unit`, or at least so much for speed-ups (unit "x"); `aim_ratio` says the same in
    multiples of CPython's own result; `times` says how many times faster than others of `values`
    it is meant to be. `peers` are others' results, to be shown beside.
    """

    name: str
    unit: Unit
    values: dict[str, float] = field(default_factory=dict)
    aim: float | None = None
    aim_ratio: float | None = None
    peers: dict[str, float] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times better than CPython's own atoll is; None where that has no meaning."""
        ours, stock = self.values[ATOLL.name], self.values.get(STOCK.name)
        if stock is None or ours <= 0 or stock <= 0:
            return None
        return ours / stock if self.unit == "x" else stock / ours

    @property
    def reached(self) -> bool | None:
        """Whether atoll reaches its aim; None where it has none or there is no comparison."""
        ours, stock = self.values[ATOLL.name], self.values.get(STOCK.name)
        if self.aim is not None:
            return ours >= self.aim if self.unit == "x" else ours <= self.aim
        if self.aim_ratio is not None and stock is not None:
            return ours <= self.aim_ratio * stock
        others = [(factor, self.values.get(name)) for name, factor in self.times.items()]
        compared = [factor * ours <= other for factor, other in others if other is not None]
        return all(compared) if compared else None


@dataclass(frozen=True)
class Options:
    """How long to measure."""

    quick: bool

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full


type Subject = Callable[[Options], Iterator[Row]]


def copy_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with a code object of its own.

    Give each library one: atoll keeps notes on code objects (PyUnstable_Code_SetExtra), and
    CPython sends a code object that has notes by name, which takes longer.
    """
    assert isinstance(function, FunctionType)
    return FunctionType(function.__code__.replace(), function.__globals__, function.__name__)


def nanoseconds_per_call(function: Callable[[], object], count: int) -> float:
    """The mean time of `count` calls in a row: one batch."""
    repeat = range(count)
    start = perf_counter_ns()
    for _ in repeat:
        function()
    return (perf_counter_ns() - start) / count


def interleaved_medians(
    functions: dict[str, Callable[[], object]], *, batches: int, batch_us: float = 2000
) -> dict[str, float]:
    """The median batch of each function, in microseconds per call.

    The functions take turns, batch by batch, so that noise of the machine reaches all alike. A
    batch has as many calls as take about `batch_us`.
    """
    counts: dict[str, int] = {}
    for name, function in functions.items():
        function()  # the first call may have to load something
        estimate = min(nanoseconds_per_call(function, 10) for _ in range(3))
        counts[name] = max(1, round(batch_us * 1000 / estimate))
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(batches):
        for name, function in functions.items():
            times[name].append(nanoseconds_per_call(function, counts[name]))
    return {name: statistics.median(taken) / 1000 for name, taken in times.items()}


def in_fresh_process(script: str, *arguments: object) -> Any:
    """Runs a script of this directory, which prints JSON, by itself."""
    path = Path(__file__).with_name(script)
    command = [sys.executable, str(path), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)
