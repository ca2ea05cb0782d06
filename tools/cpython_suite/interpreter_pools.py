"""More of CPython's tests of executors for InterpreterPoolExecutor; used by worker.py.

Some test files have classes for threads and processes only. Here those for threads get a subclass
each, in which the executor is the one of interpreters, and events and semaphores are such that
interpreters can share. The latter also lets those tests run that skip interpreters for lack of
events.
"""

import functools
import threading
import types
import unittest
from typing import Any
from unittest import mock

import atoll

#: Where InterpreterPoolExecutor is tested beside others.
SHARED_FILES = (
    "test.test_concurrent_futures.test_as_completed",
    "test.test_concurrent_futures.test_init",
    "test.test_concurrent_futures.test_shutdown",
    "test.test_concurrent_futures.test_wait",
)
#: What the names of its test classes have in common.
MARK = "InterpreterPool"


def create_event(test: object = None) -> Any:
    """Return an event for one who waits."""
    tx, rx = atoll.channel(None)
    return types.SimpleNamespace(wait=rx.recv, set=functools.partial(tx.send, True))


def create_semaphore(value: int = 1) -> Any:
    """Return a semaphore."""
    tx, rx = atoll.channel(None)
    release = functools.partial(tx.send, True)
    for _ in range(value):
        release()
    return types.SimpleNamespace(acquire=rx.recv, release=release)


class Threading:
    """The module, but for what interpreters cannot share."""

    Event = staticmethod(create_event)
    Semaphore = staticmethod(create_semaphore)

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


def wait_for_workers(executor: Any) -> None:
    """Return when the executor has all its workers: threads are there at once."""
    tx, started = atoll.channel(None)
    go, gate = atoll.channel(None)

    def work(tx: Any, gate: Any) -> None:
        tx.send(None)
        gate.recv()

    count = executor._max_workers
    futures = [executor.submit(work, tx, gate) for _ in range(count)]
    for _ in range(count):
        started.recv()
    for _ in range(count):
        go.send(None)
    for future in futures:
        future.result()


def for_interpreters(module: Any, name: str, case: type[unittest.TestCase]) -> None:
    """Add the class of the tests `case`, of threads, to the module."""
    executor = module.futures.InterpreterPoolExecutor
    names = [(module.futures, "ThreadPoolExecutor", executor), (module, "threading", Threading())]

    def set_up(self: unittest.TestCase) -> None:
        for target, attribute, value in names:
            if hasattr(target, attribute):
                patch = mock.patch.object(target, attribute, value)
                patch.start()
                self.addCleanup(patch.stop)
        case.setUp(self)

    members = {
        "__module__": module.__name__,
        "executor_type": executor,
        "create_event": create_event,
        "setUp": set_up,
    }
    if hasattr(case, "test_cancel_futures"):

        def test_cancel_futures(self: Any) -> None:
            wait_for_workers(self.executor)
            case.test_cancel_futures(self)

        members["test_cancel_futures"] = test_cancel_futures
    name = name.replace("ThreadPool", MARK)
    setattr(module, name, type(name, (case,), members))


def adapt(module: Any) -> None:
    """Add the tests that the module lacks."""
    from test.test_concurrent_futures import util  # type: ignore[import-not-found]

    util.InterpreterPoolMixin.create_event = create_event
    for name, case in list(vars(module).items()):
        if not isinstance(case, type) or not issubclass(case, unittest.TestCase):
            continue
        if issubclass(case, util.ThreadPoolMixin) and name.replace("ThreadPool", MARK) not in vars(
            module
        ):
            for_interpreters(module, name, case)
