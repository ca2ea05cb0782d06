"""Futures of pools: the Python half of ``atoll.Future``.

A future asks the native task behind it; it needs no lock of its own, and none is made unless
``concurrent.futures.wait()``, ``as_completed()`` or a callback ask for one.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.thread
import contextlib
import functools
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import atoll.interpreters  # noqa: F401  # whose ExecutionFailed futures raise
from atoll import _atoll

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

_T = TypeVar("_T")

#: What `concurrent.futures` expects to find, and what it is.
_LAZY: dict[str, Callable[[], Any]] = {
    "_condition": threading.Condition,
    "_waiters": list,
    "_done_callbacks": list,
}

if TYPE_CHECKING:
    _NativeFuture = _atoll.Future
else:
    _NativeFuture = _atoll._make_future_type(concurrent.futures.Future)


class BrokenInterpreterPool(concurrent.futures.thread.BrokenThreadPool):
    """A pool's interpreter could not be made, or its initializer failed: it takes no tasks.

    The cause is what went wrong.
    """

    # Gives help() a signature: exceptions have none.
    def __init__(self, *args: object) -> None:
        super().__init__(*args)


class Future(_NativeFuture[_T]):
    """The result of a task of a pool.

    A ``concurrent.futures.Future``: ``wait()``, ``as_completed()``, ``asyncio.wrap_future()`` and
    callbacks work as with any other, and so does :func:`atoll.select`. Beyond that, ``cancel()``
    with ``interrupt=True`` stops a task that runs, and ``await future`` gives its result in any
    event loop of asyncio: who cancels that await cancels the task, also while it runs. Made by
    pools only; belongs to the interpreter that submitted the task.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Future[_T]:
        raise TypeError("futures are made by a pool's submit()")

    def __getattr__(self, name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        # First: whoever finds the condition in place relies on being told.
        self._watch()
        for each, make in _LAZY.items():
            self.__dict__.setdefault(each, make())
        return self.__dict__[name]

    def add_done_callback(self, fn: Callable[[concurrent.futures.Future[_T]], object]) -> None:
        """Call ``fn(future)`` when the task is over, at once if it is.

        In the thread that ends the task, one after the other; what they raise is logged.
        """
        if getattr(fn, "__module__", None) == "asyncio.futures":
            self._let_cancel_interrupt()
        super().add_done_callback(fn)

    def __await__(self) -> Generator[Any, None, _T]:
        import asyncio  # programs that await have it

        if not self.done():
            loop = asyncio.get_running_loop()
            over = loop.create_future()
            self.add_done_callback(functools.partial(_wake, loop, over))
            try:
                yield from over
            except BaseException:
                self.cancel(interrupt=True)
                raise
        if self.cancelled():
            raise asyncio.CancelledError
        return self.result()

    @property
    def stdout(self) -> str | None:
        """What the task has printed so far, in a pool with ``capture_output``; else None.

        Does not wait: while the task runs it is what there is, after the end all of it, also of a
        task that was stopped.
        """
        return self._output(0)

    @property
    def stderr(self) -> str | None:
        """What the task has printed to standard error so far, as :attr:`stdout`."""
        return self._output(1)

    def __reduce__(self) -> Any:
        raise TypeError("a Future belongs to the interpreter that submitted the task")

    def set_running_or_notify_cancel(self) -> bool:
        """Not for the futures of pools: raises RuntimeError, as the other setters do."""
        raise RuntimeError("the pool says how its tasks end")

    def set_result(self, result: _T) -> None:
        """Raise RuntimeError."""
        self.set_running_or_notify_cancel()

    def set_exception(self, exception: BaseException | None) -> None:
        """Raise RuntimeError."""
        self.set_running_or_notify_cancel()


def _wake(
    loop: asyncio.AbstractEventLoop, over: asyncio.Future[None], _: concurrent.futures.Future[Any]
) -> None:
    """Tell the loop. In the thread that ended the task."""
    # A loop that was closed meanwhile has nobody who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_set_over, over)


def _set_over(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


def _settle(future: Future[Any]) -> None:
    """Tell those who wait through `concurrent.futures`. In the thread that ended the task."""
    with future._condition:
        future._settle()
        waiters = future._waiters
        if future.cancelled():
            for waiter in waiters:
                waiter.add_cancelled(future)
        elif waiters and future._exception is not None:
            for waiter in waiters:
                waiter.add_exception(future)
        else:
            for waiter in waiters:
                waiter.add_result(future)
        future._condition.notify_all()
    future._invoke_callbacks()


_atoll._register_futures(Future, _settle, concurrent.futures.CancelledError, BrokenInterpreterPool)
