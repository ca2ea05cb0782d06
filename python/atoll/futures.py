"""``InterpreterPoolExecutor`` of CPython 3.14's ``concurrent.futures``, on CPython 3.12 to 3.15.

::

    from atoll.futures import InterpreterPoolExecutor

    with InterpreterPoolExecutor() as executor:
        for square in executor.map(lambda n: n * n, range(10)):
            print(square)

The executor is the standard library's interface to what :class:`atoll.Pool` does natively; its
futures are :class:`atoll.Future` objects.
"""

from __future__ import annotations

import itertools
import logging
import time
import weakref
from collections import deque
from concurrent.futures import Future as _StandardFuture
from concurrent.futures import thread as _thread
from typing import TYPE_CHECKING, Any, TypeVar

from atoll import _atoll, _pool
from atoll._config import with_extensions
from atoll._futures import BrokenInterpreterPool, Future
from atoll.interpreters import NotShareableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

__all__ = ["BrokenInterpreterPool", "Future", "InterpreterPoolExecutor"]

_T = TypeVar("_T")

_LOGGER = logging.getLogger("concurrent.futures")
_BROKEN = "A thread initializer failed, the thread pool is not usable anymore"
_executor_number = itertools.count().__next__


class _WorkerThread:
    """Stands in an executor's ``_threads`` for a thread that is none of ``threading``'s."""

    def __init__(self, pool: _atoll.Pool, name: str) -> None:
        self._pool = pool
        self.name = name

    def join(self, timeout: float | None = None) -> None:
        """Wait until the executor, which was shut down, has ended."""
        self._pool._join(timeout)

    def is_alive(self) -> bool:
        return not self._pool._ended


class InterpreterPoolExecutor(_thread.ThreadPoolExecutor):
    """Calls functions asynchronously in up to ``max_workers`` interpreters, with a thread in each.

    As the standard library's class of that name, with the same arguments. Beyond that, functions
    and classes that are defined in the script, in ``__main__`` or inside of functions travel by
    value: lambdas and closures can be submitted. ``closures=False`` refuses these, as the standard
    class does. ``extensions`` is what :func:`atoll.interpreters.create` says of it. ``BROKEN`` is
    what futures and :meth:`submit` raise when an initializer has failed.
    """

    #: What futures and submit() raise when an initializer has failed.
    BROKEN = BrokenInterpreterPool

    #: The default of `closures`.
    _closures = True

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        closures: bool | None = None,
        extensions: str | None = None,
    ) -> None:
        _pool.refuse_in_rerun()
        if max_workers is None:
            max_workers = min(32, _pool.usable_cores() + 4)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if isinstance(initializer, str):
            raise TypeError("scripts not supported")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = max_workers
        self._by_value = self._closures if closures is None else closures
        name = thread_name_prefix or f"InterpreterPoolExecutor-{_executor_number()}"
        self._thread_name_prefix = name
        self._config = with_extensions(None, extensions)
        self._worker_threads: set[_WorkerThread] = set()
        #: Why the initializer cannot be sent: the first submit() tells, as that starts a worker.
        self._bad_initializer: NotShareableError | None = None
        self._broken_by_initializer = False
        try:
            self._pool = self._make_pool(name, initializer, initargs)
        except NotShareableError as error:
            self._bad_initializer = error
            self._pool = self._make_pool(name, None, ())
        self._pool._on_broken(_log_broken, weakref.ref(self._pool))

    def _make_pool(
        self, name: str, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]
    ) -> _atoll.Pool:
        return _atoll.Pool(
            interpreters=self._max_workers,
            name=name,
            set_up=() if initializer is None else ((initializer, tuple(initargs)),),
            by_value=self._by_value,
            config=self._config,
        )

    def __del__(self) -> None:
        # What was submitted is still carried out.
        pool = self.__dict__.get("_pool")
        if pool is not None:
            pool.shutdown(wait=False)

    # What programs know of the standard class, documented or not.

    @property
    def _threads(self) -> set[_WorkerThread]:  # type: ignore[override]
        for index in range(len(self._worker_threads), self._pool._workers):
            name = f"{self._thread_name_prefix}_{index}"
            self._worker_threads.add(_WorkerThread(self._pool, name))
        return self._worker_threads

    @property
    def _broken(self) -> str | bool:  # type: ignore[override]
        return _BROKEN if self._pool.broken or self._broken_by_initializer else False

    @property
    def _shutdown(self) -> bool:  # type: ignore[override]
        return self._pool.closed

    # The interface of executors.

    if TYPE_CHECKING or hasattr(_thread.ThreadPoolExecutor, "prepare_context"):

        @classmethod
        def prepare_context(
            cls, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]
        ) -> Any:
            """Return what ThreadPoolExecutor returns, from CPython 3.14 on; this class never asks.

            Its workers are set up natively: overriding this in a subclass changes nothing.
            """
            return super().prepare_context(initializer, initargs)  # type: ignore[misc]

    def submit[**P, T](
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> _StandardFuture[T]:
        """Schedule ``fn(*args, **kwargs)`` and return its Future.

        Raises RuntimeError after :meth:`shutdown`, BrokenInterpreterPool when an initializer has
        failed. What cannot be sent makes the future fail, with NotShareableError.
        """
        if self._bad_initializer is not None:
            return self._submit_without_initializer()
        if isinstance(fn, str):
            raise TypeError("scripts not supported")
        return self._pool._submit(fn, *args, **kwargs)

    def _submit_without_initializer(self) -> _StandardFuture[Any]:
        if self._pool.closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if self._broken_by_initializer:
            raise BrokenInterpreterPool(_BROKEN) from self._bad_initializer
        self._broken_by_initializer = True
        _log_initializer(self._bad_initializer)
        future: _StandardFuture[Any] = _StandardFuture()
        error = BrokenInterpreterPool(_BROKEN)
        error.__cause__ = self._bad_initializer
        future.set_exception(error)
        return future

    def map(
        self,
        fn: Callable[..., _T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[_T]:
        """Return an iterator over the results of calling ``fn`` with the items, in their order.

        ``timeout`` is how many seconds, from now on, all results may take: then TimeoutError is
        raised. ``chunksize`` calls make one task, which saves time if they are short.
        ``buffersize`` limits how many calls are ahead of the consumer, and lets the iterables be
        endless; without it all calls are submitted at once.
        """
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        end = None if timeout is None else timeout + time.monotonic()
        # That of the standard class ignores it; a program that runs with either may pass anything.
        size = max(1, chunksize)
        if buffersize is not None:
            size = min(size, buffersize)
        # Who has put another submit() in place (tqdm has) wants to see each call.
        is_own = (
            "submit" not in self.__dict__ and type(self).submit is InterpreterPoolExecutor.submit
        )
        if size == 1 or self._bad_initializer is not None or not is_own:
            return self._map_calls(fn, zip(*iterables, strict=False), end, buffersize)
        return self._map_chunks(fn, zip(*iterables, strict=False), end, size, buffersize)

    def _map_calls(
        self,
        fn: Callable[..., _T],
        calls: Iterator[tuple[Any, ...]],
        end: float | None,
        ahead: int | None,
    ) -> Iterator[_T]:
        # The iterator must not keep the executor alive.
        executor = weakref.ref(self)
        futures = deque(self.submit(fn, *args) for args in itertools.islice(calls, ahead))

        def results() -> Iterator[_T]:
            try:
                while futures:
                    if ahead is not None and (own := executor()) is not None:
                        for args in itertools.islice(calls, 1):
                            futures.append(own.submit(fn, *args))
                        del own
                    futures[0].exception(_time_left(end))
                    yield futures.popleft().result()
            finally:
                for future in futures:
                    future.cancel()

        return results()

    def _map_chunks(
        self,
        fn: Callable[..., _T],
        calls: Iterator[tuple[Any, ...]],
        end: float | None,
        size: int,
        ahead: int | None,
    ) -> Iterator[_T]:
        pool = weakref.ref(self._pool)

        def chunks(count: int | None) -> Iterator[Future[list[_T]]]:
            for _ in itertools.count() if count is None else range(count):
                chunk = list(itertools.islice(calls, size))
                own = pool()
                if not chunk or own is None:
                    return
                yield own._submit_map(fn, chunk)

        futures = deque(chunks(None if ahead is None else max(1, ahead // size)))

        def results() -> Iterator[_T]:
            try:
                while futures:
                    if ahead is not None:
                        futures.extend(chunks(1))
                    futures[0]._wait(_time_left(end))
                    values, error = futures.popleft()._take_results()
                    yield from values
                    if error is not None:
                        try:
                            raise error
                        finally:
                            del error  # its traceback refers to this frame
            finally:
                for future in futures:
                    future.cancel()

        return results()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is not None and issubclass(exc_type, KeyboardInterrupt):
            _pool.say_what_is_waited_for(self._pool)
        self.shutdown(wait=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; end the workers and interpreters when those submitted are done.

        Waits for that unless ``wait`` is False. ``cancel_futures`` cancels calls that have not
        begun.
        """
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def _time_left(end: float | None) -> float | None:
    return None if end is None else end - time.monotonic()


def _log_initializer(error: BaseException | None) -> None:
    _LOGGER.critical("Exception in initializer:", exc_info=error)


def _log_broken(pool: weakref.ref[_atoll.Pool]) -> None:
    own = pool()
    if own is not None:
        _log_initializer(own._failure())
