"""Call a function with each input, on all cores, and print the results as lines of JSON, in the
order of the inputs. Inputs are the arguments or, if there are none, the lines of standard input."""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib.util import find_spec
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import atoll
from atoll._cli import inputs, output, progress, task
from atoll._cli.check import seconds
from atoll._cli.info import usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

EPILOG = """\
Each worker imports the function itself. What it prints goes to standard error. With
--errors=report the result of an input that failed is {"error": ..., "message": ..., "input": ...,
"index": ...}. Results that JSON cannot express, such as NaN, count as failed. Exit status: 0 if all
went well or some failures were skipped; 1 if some failed, all did, or the results cannot be
written; 2 for a mistake in the command line; 130 after Ctrl-C.
"""

#: How many inputs are read ahead of the results that are printed, per worker thread.
AHEAD = 16


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _count_or_zero(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


_count.__name__ = _count_or_zero.__name__ = "count"  # for argparse's errors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    add = parser.add_argument
    add("function", metavar="FUNCTION", help="MODULE:FUNCTION or FILE.py:FUNCTION")
    add("inputs", metavar="INPUT", nargs="*", help="a string that the function gets")
    add("--jsonl", action="store_true", help="inputs are JSON; the function gets the value")
    add("--unordered", action="store_true", help="print each result as soon as it is there")
    add("--workers", type=_count, metavar="N", help="how many interpreters (one per core)")
    add("--threads", type=_count, default=1, metavar="M", help="threads in each of them (1)")
    add("--timeout", type=seconds, metavar="SECONDS", help="how long one call may take")
    add("--retries", type=_count_or_zero, default=0, metavar="N", help="try again N times (0)")
    add(
        "--errors",
        choices=("fail", "skip", "report"),
        default="fail",
        help="what fails stops all (fail), is left out (skip), or is a result (report)",
    )
    add(
        "--extensions",
        choices=("auto", "private", "declared"),
        help="what workers do with extension modules that do not declare isolation (auto)",
    )
    add(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a progress bar, or none (if standard error is a terminal)",
    )


def run(options: argparse.Namespace) -> int:
    try:
        module, name = _find(options.function)
    except ValueError as error:
        options.parser.error(str(error))
    bar = progress.make(options.progress)
    try:
        return _Mapping(options, module, name, bar).run()
    finally:
        bar.close()


def _find(given: str) -> tuple[str, str]:
    """The module that workers import, and the name in it; ValueError if it cannot be."""
    place, _, name = given.rpartition(":")
    if not place or not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"{given!r} is not MODULE:FUNCTION or FILE.py:FUNCTION")
    if not place.endswith(".py"):
        if not all(part.isidentifier() for part in place.split(".")):
            raise ValueError(f"{place!r} is no module name")
        if find_spec(place.partition(".")[0]) is None:
            raise ValueError(f"there is no module {place!r}")
        return place, name
    path = os.path.abspath(place)
    if not os.path.isfile(path):
        raise ValueError(f"there is no file {place!r}")
    folder, file = os.path.split(path)
    module = file.removesuffix(".py")
    sys.path.insert(0, folder)
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        found = None
    where = found.origin if found is not None and found.has_location else None
    if where is None or not os.path.samefile(where, path):
        raise ValueError(f"{place!r} cannot be imported as {module!r}: the name is taken, or none")
    return module, name


class _Failed(Exception):
    """The work ends here, with this exit status."""

    def __init__(self, status: int) -> None:
        self.status = status


class _Item:
    def __init__(self, index: int, given: inputs.Input) -> None:
        self.index = index
        self.given = given
        self.tries = 0
        self.future: atoll.Future[Any] | None = None

    def __str__(self) -> str:
        return f"input {self.index + 1}, {self.given.text!r}"


class _Skipped:
    """What failed with ``--errors=skip``: each kind of error, how often, and where first."""

    #: Kinds that are told apart, and that are shown.
    DISTINCT, SHOWN = 1000, 10

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], list[Any]] = {}

    def add(self, kind: str, message: str, item: _Item) -> None:
        key = kind, message
        if key not in self._kinds and len(self._kinds) >= self.DISTINCT:
            key = kind, "(other messages)"
        entry = self._kinds.setdefault(key, [0, item])
        entry[0] += 1
        if item.index < entry[1].index:
            entry[1] = item

    def lines(self) -> Iterator[str]:
        ranked = sorted(self._kinds.items(), key=lambda each: (-each[1][0], each[1][1].index))
        for (kind, message), (count, first) in ranked[: self.SHOWN]:
            text = f"{kind}: {message}" if message else kind
            times = "once" if count == 1 else f"{count} times, first"
            yield f"    {text} ({times} with {first})"
        if len(ranked) > self.SHOWN:
            yield f"    and {len(ranked) - self.SHOWN} more kinds of errors"


class _Mapping:
    """One run of the command. All but the reading and the calls happens in the main thread."""

    def __init__(
        self, options: argparse.Namespace, module: str, name: str, bar: progress.Silent
    ) -> None:
        self._options = options
        self._module, self._name = module, name
        self._bar = bar
        #: Inputs, items whose future is done, the end of the inputs.
        self._events: SimpleQueue[inputs.Input | _Item | OSError | None] = SimpleQueue()
        self._running: dict[int, _Item] = {}
        #: Lines (None: nothing to print) that wait for those before them.
        self._waiting: dict[int, str | None] = {}
        self._read = self._printed = self._done = self._failed = 0
        self._has_end = False
        self._skipped = _Skipped()

    def run(self) -> int:
        options = self._options
        size = (options.workers or usable_cores()) * options.threads
        if options.inputs:
            given = inputs.from_arguments(options.inputs, options.jsonl)
            self._bar.set_total(len(options.inputs))
        else:
            given = inputs.from_file(0, options.jsonl)
        self._pool = atoll.Pool(
            options.workers,
            threads=options.threads,
            stdout=self._bar,
            stderr=self._bar,
            extensions=options.extensions,
        )
        self._tasks = self._pool.options(timeout=options.timeout)
        try:
            self._reader = inputs.Reader(given, self._events, AHEAD * size)
            status = self._work()
            self._pool.shutdown()
        except _Failed as failed:
            status = failed.status
            self._give_up()
        except output.Unwritable as error:
            status, why = output.give_up(error)
            if why is not None:
                self._say(why)
            self._give_up()
        except KeyboardInterrupt:
            status = 130
            total = f"of {self._read}" + ("" if self._has_end else " or more")
            self._say(f"interrupted: {self._done} {total} inputs done")
            self._give_up()
        return status

    def _work(self) -> int:
        while not self._has_end or self._running:
            if self._events.empty():
                sys.stdout.flush()
            self._handle(self._events.get())
        sys.stdout.flush()
        if not self._failed:
            return 0
        skips = self._options.errors == "skip"
        self._say(f"{self._failed} of {self._read} inputs failed" + ":" * skips)
        for line in self._skipped.lines():
            self._bar.write(line + "\n")
        return 0 if skips and self._failed < self._read else 1

    def _handle(self, event: inputs.Input | _Item | OSError | None) -> None:
        if event is None:
            self._has_end = True
            self._bar.set_total(self._read)
        elif isinstance(event, OSError):
            self._say(f"cannot read standard input: {event.strerror}")
            raise _Failed(1)
        elif isinstance(event, _Item):
            self._take_result(event)
        else:
            item = _Item(self._read, event)
            self._read += 1
            if event.error is not None:
                self._fail(item, event.error)
            else:
                self._submit(item)

    def _submit(self, item: _Item) -> None:
        self._running[item.index] = item
        item.tries += 1
        item.future = self._tasks.submit(task.call, self._module, self._name, item.given.value)
        item.future.add_done_callback(lambda _: self._events.put(item))

    def _take_result(self, item: _Item) -> None:
        del self._running[item.index]
        assert item.future is not None
        # Not raised: it may be a SystemExit, and is none of ours.
        error = item.future.exception()
        if isinstance(error, atoll.BrokenInterpreterPool):
            self._say(f"no interpreter can be had: {error.__cause__ or error}")
            raise _Failed(1)
        if error is not None:
            if item.tries <= self._options.retries:
                self._submit(item)
            else:
                self._fail(item, error)
            return
        line, problem = item.future.result()
        if line is None:
            self._say(f"there is no {self._module}:{self._name} in the workers: {problem}")
            if "ImportError" in problem:
                self._say(f"`atoll check {self._module}` tells which extension refuses")
            raise _Failed(2)
        self._finish(item, line)

    def _fail(self, item: _Item, error: BaseException) -> None:
        self._failed += 1
        kind, message = task.describe(error)
        if self._options.errors == "fail":
            shown = task.traceback_of(error)
            self._say(f"{item} failed:" + (f"\n{shown}" if shown else f" {kind}: {message}"))
            raise _Failed(1)
        if self._options.errors == "skip":
            self._skipped.add(kind, message, item)
            self._finish(item, None)
        else:
            report = {"error": kind, "message": message, "input": item.given.text}
            self._finish(item, json.dumps(report | {"index": item.index}, ensure_ascii=False))

    def _finish(self, item: _Item, line: str | None) -> None:
        self._done += 1
        self._bar.advance()
        if self._options.unordered:
            self._print(line)
            return
        self._waiting[item.index] = line
        while self._printed in self._waiting:
            self._print(self._waiting.pop(self._printed))

    def _print(self, line: str | None) -> None:
        self._printed += 1
        self._reader.release()
        if line is not None:
            # A lone surrogate becomes the escape that JSON has for it.
            sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")

    def _say(self, text: str) -> None:
        self._bar.write(f"{self._options.parser.prog}: {text}\n")

    def _give_up(self) -> None:
        """Stop what runs, and leave at once if that does not help and somebody insists."""
        try:
            try:
                sys.stdout.flush()
            except output.Unwritable as error:
                output.give_up(error)
            self._pool.shutdown(wait=False, cancel_futures=True)
            for item in list(self._running.values()):
                if item.future is not None:
                    item.future.cancel(interrupt=True)
            self._pool.shutdown()
        except KeyboardInterrupt:
            os._exit(130)
