"""Runs one test file of CPython inside the suite's environment; started by run.py.

Every step is one JSON line in the events file, flushed at once, so that run.py knows which test a
crash or a hang belongs to.
"""

# ruff: noqa: N802  # the method names are unittest's
import faulthandler
import json
import os
import signal
import sys
import traceback
import unittest
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import interpreter_pools

# What a test is told at its end, from best to worst; subtests can only make it worse.
RANK = ["passed", "skipped", "expected", "unexpected", "failed", "error"]


def name_of(test: unittest.TestCase) -> str:
    # Some of the tests store an interpreter's id in self.id, over the method.
    return test.id() if callable(test.id) else unittest.TestCase.id(test)


def text_of(error: Any) -> str:
    try:
        return "".join(traceback.format_exception(*error))
    except BaseException as problem:  # the tests raise what cannot be printed
        return f"{error[0]!r} (not printable: {problem!r})"


class Result(unittest.TestResult):
    def __init__(self, events: TextIO, limit: float) -> None:
        super().__init__()
        self.events = events
        self.limit = limit
        self.status = "passed"
        self.text = ""
        self.inside = False

    def emit(self, **event: object) -> None:
        print(json.dumps(event), file=self.events, flush=True)

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.status, self.text, self.inside = "passed", "", True
        self.emit(start=name_of(test))
        faulthandler.dump_traceback_later(self.limit, exit=True)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        self.inside = False
        self.emit(end=name_of(test), status=self.status, text=self.text[-8000:])
        super().stopTest(test)

    def note(self, test: unittest.TestCase, status: str, text: str = "") -> None:
        if not self.inside:  # setUpClass() and its like
            self.emit(end=name_of(test), status=status, text=text, fixture=True)
        elif RANK.index(status) >= RANK.index(self.status):
            self.status = status
        self.text += text

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self.note(test, "error", text_of(err))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self.note(test, "failed", text_of(err))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        if getattr(test, "test_case", None) is None:  # else a subtest only
            self.note(test, "skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self.note(test, "expected")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self.note(test, "unexpected", "passed, though marked as an expected failure")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            kind = "failed" if issubclass(err[0], test.failureException) else "error"
            self.note(test, kind, f"[{subtest._subDescription()}]\n{text_of(err)}\n")  # type: ignore[attr-defined]


def flatten(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    tests: list[unittest.TestCase] = []
    for test in suite:
        tests += flatten(test) if isinstance(test, unittest.TestSuite) else [test]
    return tests


def adapt_testinternalcapi() -> None:
    """Hands test_crossinterp our functions in the place of CPython's own, which it tests."""
    import _testinternalcapi

    from atoll import _atoll

    for name in ("get_crossinterp_data", "restore_crossinterp_data"):
        if hasattr(_atoll, name):
            setattr(_testinternalcapi, name, getattr(_atoll, name))


def load(name: str, stock: bool) -> list[unittest.TestCase]:
    """The tests of a file that are about interpreters."""
    module = import_module(name)
    if not stock and name.startswith("test.test_concurrent_futures."):
        interpreter_pools.adapt(module)
    tests = flatten(unittest.TestLoader().loadTestsFromModule(module))
    if name in interpreter_pools.SHARED_FILES:
        tests = [test for test in tests if interpreter_pools.MARK in type(test).__name__]
    return tests


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    faulthandler.enable()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(job["directory"])
    if not job["stock"]:
        adapt_testinternalcapi()
    with Path(job["events"]).open("w") as events:
        result = Result(events, job["limit"])
        try:
            tests = load(job["module"], job["stock"])
        except unittest.SkipTest as reason:
            result.emit(end=job["module"], status="error", text=f"skipped: {reason}", fixture=True)
            result.emit(done=True)
            return
        tests = [test for test in tests if job["match"] in name_of(test)]
        result.emit(all=[name_of(test) for test in tests])
        rest = [test for test in tests if name_of(test) not in job["finished"]]
        unittest.TestSuite(rest).run(result)
        result.emit(done=True)
    # Interpreters and threads that a test left must not keep the process from ending.
    faulthandler.dump_traceback_later(60, exit=True)


if __name__ == "__main__":
    main()
