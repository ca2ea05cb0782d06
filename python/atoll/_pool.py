"""``atoll.Pool``: interpreters that work, and what is made of them."""

from __future__ import annotations

import atexit
import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from atoll import _atoll, _output, interpreters
from atoll._config import with_extensions
from atoll._futures import BrokenInterpreterPool, Future
from atoll.lowlevel import interpreters as _interpreters

if TYPE_CHECKING:
    from types import SimpleNamespace, TracebackType

__all__ = [
    "BrokenInterpreterPool",
    "Future",
    "Pool",
    "PoolStats",
    "default_pool",
    "map",
    "run",
    "shutdown",
]

_T = TypeVar("_T")

#: How long a chunk of calls should take, in seconds: much more than what sending it costs, much
#: less than what a person, or the balance between workers, would notice.
_CHUNK_SECONDS = 0.002

_LARGEST_CHUNK = 4096

#: How much work should wait for each worker, in seconds, so that none sleeps while there is some.
_AHEAD_SECONDS = 0.01

_MOST_AHEAD = 2000

_pool_number = itertools.count().__next__


class PoolStats(NamedTuple):
    """What a pool has done, and what it is doing."""

    submitted: int  #: tasks so far
    finished: int  #: of these, those that returned
    failed: int  #: those that raised
    cancelled: int
    timed_out: int
    recycled: int  #: interpreters that were replaced
    waiting: int  #: tasks that have not begun
    running: int  #: tasks right now
    workers: int  #: threads
    interpreters: int
    spares: int  #: interpreters that are ready to be taken


def refuse_in_rerun() -> None:
    """Raise RuntimeError in a script that is run again, in a worker, to find a function of it."""
    if hasattr(sys.modules.get("<fake __main__>"), "__loading__"):
        raise RuntimeError(
            "the script is being run again, in another interpreter, which needs a function or a "
            "class of it, and would make the pool there, too: put what starts the program behind "
            "if __name__ == '__main__':"
        )


def usable_cores() -> int:
    """Return how many cores this process may use, at least 1."""
    count = getattr(os, "process_cpu_count", None)
    if count is not None:
        return count() or 1
    return len(os.sched_getaffinity(0))


class Pool(_atoll.Pool):
    """Interpreters that carry out tasks, each with its own GIL and its own worker threads.

    ::

        with atoll.Pool() as pool:
            print(pool.run(sum, range(10)))
            future = pool.submit(pow, 2, 100)
            for square in pool.map(lambda n: n * n, range(1000)):
                ...

    interpreters
        how many at most; the number of usable cores by default. They are made when they are needed.
    threads
        worker threads in each: tasks that wait, for the network say, share an interpreter.
    initializer, initargs
        called once in each interpreter, before its first task. If it raises, the pool is broken.
    preload
        names of modules that each interpreter imports first.
    max_tasks_per_interpreter
        after so many an interpreter is closed, and replaced by a new one.
    warm
        so many spare interpreters are made, and set up, in the background; workers take these.
    stdout, stderr
        streams, such as ``sys.stdout`` or any object with ``write(str)``, that get what tasks
        print, in whole lines. By default tasks print to the process's own, each on its own.
    capture_output
        keep what a task prints: :attr:`Future.stdout` and :attr:`Future.stderr` have it.
    config, extensions
        of the interpreters, as for :func:`atoll.interpreters.create`: by default extension modules
        that refuse isolated interpreters, such as NumPy's, are loaded as private copies.

    Functions, arguments and results travel as between interpreters in general; functions and
    classes of the script, lambdas and closures go by value. Leaving the ``with`` block waits for
    all tasks; leaving it with an exception cancels those that wait and stops those that run. A pool
    that is not shut down finishes its tasks when the interpreter that made it exits. Safe to use
    from any thread of that interpreter.
    """

    def __new__(
        cls,
        interpreters: int | None = None,
        *,
        threads: int = 1,
        initializer: Callable[..., Any] | None = None,
        initargs: tuple[Any, ...] = (),
        preload: Iterable[str] = (),
        max_tasks_per_interpreter: int | None = None,
        warm: int = 0,
        stdout: _output.Writable | None = None,
        stderr: _output.Writable | None = None,
        capture_output: bool = False,
        config: str | SimpleNamespace | None = None,
        extensions: str | None = None,
        name: str | None = None,
    ) -> Self:
        refuse_in_rerun()
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {type(initializer).__name__}")
        if isinstance(preload, str):
            raise TypeError("preload must be several names of modules, not one str")
        if max_tasks_per_interpreter is not None and max_tasks_per_interpreter < 1:
            raise ValueError("max_tasks_per_interpreter must be greater than 0")
        set_up: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        if stdout is not None or stderr is not None:
            set_up.append((_output.install, (_output.token(stdout), _output.token(stderr))))
        if initializer is not None:
            set_up.append((initializer, tuple(initargs)))
        return super().__new__(
            cls,
            interpreters=usable_cores() if interpreters is None else interpreters,
            threads=threads,
            max_tasks=min(max_tasks_per_interpreter or 0, sys.maxsize),
            warm=warm,
            name=name or f"atoll-pool-{_pool_number()}",
            preload=tuple(preload),
            set_up=tuple(set_up),
            before=_output.begin_capture if capture_output else None,
            after=_output.end_capture if capture_output else None,
            config=with_extensions(config, extensions),
        )

    def map(
        self,
        function: Callable[..., _T],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        progress: bool = False,
    ) -> Iterator[_T]:
        """Call the function with the items of the iterables; yield the results in their order.

        Starts at once and works ahead of the consumer, by ``buffersize`` items at most (by default
        by as many as keep the workers busy), so the iterables may be endless. Several calls make
        one task: ``chunksize`` of them, or as many as take about two milliseconds. What a call
        raises is raised in its place; the calls that have not begun are then cancelled. ``timeout``
        is how many seconds one task may run. ``progress`` shows a bar (needs tqdm).
        """
        return self._start_map(
            _OrderedMap, function, iterables, timeout, chunksize, buffersize, progress
        )

    def imap_unordered(
        self,
        function: Callable[..., _T],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        progress: bool = False,
    ) -> Iterator[_T]:
        """As :meth:`map`, but yield the results as they come."""
        return self._start_map(
            _UnorderedMap, function, iterables, timeout, chunksize, buffersize, progress
        )

    def _start_map(
        self,
        kind: type[_Map[_T]],
        function: Callable[..., _T],
        iterables: tuple[Iterable[Any], ...],
        timeout: float | None,
        chunksize: int | None,
        buffersize: int | None,
        progress: bool,
    ) -> Iterator[_T]:
        if not callable(function):
            raise TypeError(f"expected a callable, not {type(function).__name__}")
        for name, value in (("chunksize", chunksize), ("buffersize", buffersize)):
            if value is None:
                continue
            if not isinstance(value, int):
                raise TypeError(f"{name} must be an integer or None")
            if value < 1:
                raise ValueError(f"{name} must be None or > 0")
        if timeout is not None and not timeout > 0:
            raise ValueError("timeout must be a positive number of seconds, or None")
        show = _progress_of(iterables) if progress else iter
        return show(kind(self, function, iterables, timeout, chunksize, buffersize))

    def stats(self) -> PoolStats:
        """Return what the pool has done so far, and what it is doing."""
        return PoolStats(**self._stats())

    def take_interpreter(self) -> interpreters.Interpreter:
        """Return an interpreter that is set up like those of the pool, but is yours.

        With ``warm`` spares it is there at once, and is replaced in the background; otherwise it is
        made now. Close it yourself.
        """
        interp = interpreters.Interpreter(self._take(), _ownsref=True)
        _interpreters.incref(interp.id, implieslink=True)
        _interpreters.decref(interp.id)
        return interp

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is not None:
            self._stop()
        self.shutdown()

    def __repr__(self) -> str:
        state = "broken" if self.broken else "shut down" if self.closed else "open"
        return f"<atoll.Pool, {self.interpreters} interpreters, {state}>"


class _Map(Iterator[_T]):
    """A map under way: chunks of calls that are ahead of the consumer."""

    def __init__(
        self,
        pool: Pool,
        function: Callable[..., _T],
        iterables: tuple[Iterable[Any], ...],
        timeout: float | None,
        chunksize: int | None,
        buffersize: int | None,
    ) -> None:
        self._pool = pool
        self._function = function
        self._calls = zip(*iterables, strict=False)
        self._timeout = timeout
        self._fixed = chunksize
        self._chunk = chunksize or 1
        self._most = buffersize
        self._workers = pool._max_workers
        self._ahead = 0  # calls that were submitted and whose results are not consumed
        self._in_flight = 0  # chunks
        self._limit = 2 * pool._max_workers + 2  # of these
        self._exhausted = False
        self._ready: Iterator[_T] = iter(())
        self._error: BaseException | None = None  # what comes after the results that are ready
        self._last_error: Exception | None = None  # what comes after the last chunk
        self._over = False
        self._fill()
        if self._last_error is not None and (pool.closed or pool.broken):
            raise self._last_error

    def _fill(self) -> None:
        """Submit chunks up to the limits. What goes wrong is raised in its place, by __next__()."""
        while not self._exhausted and self._in_flight < self._limit:
            size = self._chunk
            if self._most is not None:
                size = min(size, self._most - self._ahead)
                if size <= 0:
                    return
            calls: list[tuple[Any, ...]] = []
            try:
                # Keeps what came before an error.
                calls.extend(itertools.islice(self._calls, size))
            except Exception as error:
                self._end_with(error)
            else:
                self._exhausted = len(calls) < size
            if calls:
                self._send(calls)

    def _send(self, calls: list[tuple[Any, ...]]) -> None:
        try:
            self._submit(calls)
        except interpreters.NotShareableError as error:
            if len(calls) == 1:
                return self._end_with(error)
            # Up to the one that cannot be sent.
            for call in calls:
                if self._last_error is None:
                    self._send([call])
        except Exception as error:
            self._end_with(error)
        else:
            self._in_flight += 1
            self._ahead += len(calls)

    def _end_with(self, error: Exception) -> None:
        self._exhausted = True
        self._last_error = error

    def _submit(self, calls: list[tuple[Any, ...]]) -> None:
        raise NotImplementedError

    def _next_chunk(self) -> Future[Any] | None:
        """Wait for a chunk that is done; None if there is none to come."""
        raise NotImplementedError

    def _pending(self) -> Iterable[Future[Any]]:
        raise NotImplementedError

    def _adapt(self, seconds: float, calls: int) -> None:
        """Choose, by what a chunk has taken, how many of what size to submit ahead."""
        if calls == 0:
            return
        if self._fixed is not None:
            fitting = int(self._workers * _AHEAD_SECONDS / max(seconds, 1e-9))
            least = 2 * self._workers + 2
            self._limit = max(least, min(fitting, 2 * self._limit, _MOST_AHEAD))
            return
        fitting = int(_CHUNK_SECONDS * calls / max(seconds, 1e-9))
        # Step by step: the first calls import, and calls may differ.
        self._chunk = max(1, min(fitting, 4 * self._chunk, _LARGEST_CHUNK))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _T:
        while True:
            for result in self._ready:
                self._ahead -= 1
                return result
            if self._error is not None or self._over:
                self._finish()
            self._advance()

    def _advance(self) -> None:
        """Replace the consumed results by those of another chunk."""
        if self._most is not None:
            self._fill()
        try:
            future = self._next_chunk()
        except BaseException:
            # Ctrl-C. Nobody else knows the calls.
            self._call_off(interrupt=True)
            raise
        if future is None:
            self._over = True
            return
        self._in_flight -= 1
        try:
            results, error = future._take_results()
        except BaseException:
            self.close()
            raise
        self._adapt(future._seconds, len(results))
        self._error = error
        self._ready = iter(results)
        if error is None:
            self._fill()

    def _finish(self) -> None:
        error = self._last_error if self._error is None else self._error
        self._error = self._last_error = None
        self.close()
        if error is None:
            raise StopIteration
        try:
            if isinstance(error, StopIteration):
                # As such it would look like the end.
                raise RuntimeError("a call raised StopIteration") from error
            raise error
        finally:
            del error  # its traceback refers to this frame

    def close(self) -> None:
        """Cancel the calls that have not begun."""
        self._call_off(interrupt=False)

    def _call_off(self, *, interrupt: bool) -> None:
        self._over = self._exhausted = True
        for future in self._pending():
            future.cancel(interrupt=interrupt)

    def __del__(self) -> None:
        if not self.__dict__.get("_over", True):
            self.close()


class _OrderedMap(_Map[_T]):
    def __init__(self, *args: Any) -> None:
        self._futures: deque[Future[Any]] = deque()
        super().__init__(*args)

    def _submit(self, calls: list[tuple[Any, ...]]) -> None:
        self._futures.append(self._pool._submit_map(self._function, calls, self._timeout))

    def _next_chunk(self) -> Future[Any] | None:
        if not self._futures:
            return None
        self._futures[0]._wait()
        return self._futures.popleft()

    def _pending(self) -> Iterable[Future[Any]]:
        return self._futures


class _UnorderedMap(_Map[_T]):
    def __init__(self, *args: Any) -> None:
        self._completions = _atoll._Completions()
        self._futures: dict[int, Future[Any]] = {}
        self._number = itertools.count().__next__
        super().__init__(*args)

    def _submit(self, calls: list[tuple[Any, ...]]) -> None:
        tag = self._number()
        self._futures[tag] = self._pool._submit_map(
            self._function, calls, self._timeout, self._completions, tag
        )

    def _next_chunk(self) -> Future[Any] | None:
        if not self._futures:
            return None
        return self._futures.pop(self._completions.get())

    def _pending(self) -> Iterable[Future[Any]]:
        return self._futures.values()


def _progress_of(
    iterables: tuple[Iterable[Any], ...],
) -> Callable[[Iterator[_T]], Iterator[_T]]:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError(
            "progress=True needs tqdm: pip install 'atoll[progress]'", name=error.name
        ) from error

    sizes = [len(each) for each in iterables if isinstance(each, Sized)]
    return lambda results: iter(tqdm(results, total=min(sizes, default=None)))


# --- the default pool ----------------------------------------------------------------------------

_default: Pool | None = None
_default_lock = threading.Lock()


def default_pool() -> Pool:
    """Return the pool behind :func:`map` and :func:`run`: one interpreter per core.

    It is made at first use and shut down when the interpreter exits.
    """
    global _default
    with _default_lock:
        if _default is None or _default.closed or _default.broken:
            _default = Pool(name="atoll-default")
        return _default


def shutdown() -> None:
    """Shut down the pool behind :func:`map` and :func:`run`, after its tasks.

    The next use makes another one. Does nothing if there is none.
    """
    global _default
    with _default_lock:
        pool, _default = _default, None
    if pool is not None:
        pool.shutdown()


def map[T](
    function: Callable[..., T],
    /,
    *iterables: Iterable[Any],
    timeout: float | None = None,
    chunksize: int | None = None,
    buffersize: int | None = None,
    progress: bool = False,
) -> Iterator[T]:
    """:meth:`Pool.map` on the default pool."""
    return default_pool().map(
        function,
        *iterables,
        timeout=timeout,
        chunksize=chunksize,
        buffersize=buffersize,
        progress=progress,
    )


def run[T](
    function: Callable[..., T], /, *args: Any, timeout: float | None = None, **kwargs: Any
) -> T:
    """:meth:`Pool.run` on the default pool."""
    return default_pool().run(function, *args, timeout=timeout, **kwargs)


def _at_exit() -> None:
    # A program that Ctrl-C has ended does not wait for what it started; a REPL goes on after it.
    was_stopped = isinstance(getattr(sys, "last_exc", None), KeyboardInterrupt)
    _atoll._end_pools(was_stopped and not hasattr(sys, "ps1"))


# Registered when the first pool can be made: callbacks of the program that were registered later
# run before, and may still use pools; those that were registered earlier find them shut down, as
# with concurrent.futures.
atexit.register(_at_exit)
