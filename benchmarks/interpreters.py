"""What it costs to call into an interpreter, to run code in it, to create and to end one."""

import statistics
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter_ns
from types import CodeType
from typing import Any

from measure import Library, Options, Row, copy_of, interleaved_medians, libraries


def nothing() -> None:
    pass


def script() -> CodeType:
    """Another one for each library: see copy_of()."""
    return compile("pass", "<benchmark>", "exec")


def identity(value: object) -> object:
    return value


def measure(options: Options) -> Iterator[Row]:
    yield from calls(options)
    yield from lifecycle(options)


def calls(options: Options) -> Iterator[Row]:
    targets = {library.name: library.load().create() for library in libraries()}
    batches = options.pick(400, 60)

    def row(name: str, aim: float | None, bind: Callable[[Any], Callable[[], object]]) -> Row:
        functions = {name: bind(target) for name, target in targets.items()}
        return Row(name, "us", interleaved_medians(functions, batches=batches), aim=aim)

    try:
        yield row("call(f)", 1.5, lambda target: partial(target.call, copy_of(nothing)))
        yield row(
            "call(f, (1, 2, 3))",
            2.5,
            lambda target: partial(target.call, copy_of(identity), (1, 2, 3)),
        )
        yield row("exec of a compiled pass", 2.0, lambda target: partial(target.exec, script()))
    finally:
        for target in targets.values():
            target.close()


def lifecycle(options: Options) -> Iterator[Row]:
    create = Row("create", "ms")
    close = Row("close", "ms")
    times: dict[str, tuple[list[int], list[int]]] = {}
    for _ in range(options.pick(100, 15)):
        for library in libraries():
            create_times, close_times = times.setdefault(library.name, ([], []))
            created, closed = create_and_close(library)
            create_times.append(created)
            close_times.append(closed)
    for name, (create_times, close_times) in times.items():
        create.values[name] = statistics.median(create_times) / 1e6
        close.values[name] = statistics.median(close_times) / 1e6
    yield create
    yield close


def create_and_close(library: Library) -> tuple[int, int]:
    module = library.load()
    start = perf_counter_ns()
    interpreter = module.create()
    middle = perf_counter_ns()
    interpreter.close()
    return middle - start, perf_counter_ns() - middle
