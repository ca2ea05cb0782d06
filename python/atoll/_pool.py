"""``atoll.Pool``: interpreters that work, and what is made of them."""

from __future__ import annotations

import atexit
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from atoll import _atoll, _inherit, _map, _output, interpreters
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
    "TaskOptions",
    "default_pool",
    "map",
    "run",
    "shutdown",
]

_T = TypeVar("_T")

#: After so many seconds a wait that Ctrl-C began says what it waits for.
_PATIENCE = 1.0

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


def say_what_is_waited_for(pool: _atoll.Pool) -> None:
    """After Ctrl-C: shut the pool down and, if that takes a while, say on stderr what it waits for.

    Returns when it has ended, or has said so.
    """
    pool.shutdown(wait=False)
    pool._join(_PATIENCE)
    stats = pool._stats()
    names = sorted(set(pool._running()))
    count = max(stats["running"] + stats["waiting"], len(names))
    if pool._ended or count == 0 or sys.stderr is None:
        return
    tasks = "a task" if count == 1 else f"{count} tasks"
    which = f": {', '.join(names)}" if names else ""
    print(f"atoll: waiting for {tasks}{which} (Ctrl-C stops waiting)", file=sys.stderr, flush=True)


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
        keep what a task prints: :attr:`Future.stdout` and :attr:`Future.stderr` have it, also while
        it runs.
    config, extensions
        of the interpreters, as for :func:`atoll.interpreters.create`: by default extension modules
        that refuse isolated interpreters, such as NumPy's, are loaded as private copies.
    inherit
        what else the interpreters start with, as it is when the pool is made: "warnings" (the
        filters), "logging" (the levels of loggers, no handlers), both ("warnings,logging"), or "".
    name
        worker threads are called ``<name>_<number>``, also in ``logging``.

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
        inherit: str | Iterable[str] = "warnings",
        name: str | None = None,
    ) -> Self:
        refuse_in_rerun()
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {type(initializer).__name__}")
        if isinstance(preload, str):
            raise TypeError("preload must be several names of modules, not one str")
        if max_tasks_per_interpreter is not None and max_tasks_per_interpreter < 1:
            raise ValueError("max_tasks_per_interpreter must be greater than 0")
        set_up: list[tuple[Callable[..., Any], tuple[Any, ...]]] = _inherit.set_up(inherit)
        if stdout is not None or stderr is not None:
            set_up.append((_output.install, (_output.token(stdout), _output.token(stderr))))
        if capture_output:
            set_up.append((_output.keep, ()))
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
            keeps_output=capture_output,
            config=with_extensions(config, extensions),
        )

    def options(self, *, timeout: float | None = None) -> TaskOptions:
        """Return what submits tasks with settings of their own.

        ``pool.options(timeout=5).submit(f, x)``, and likewise ``run()`` and the maps.

        timeout
            how many seconds a task may run, from its start. After that its future raises
            :exc:`TaskTimedOut`, and the code is stopped as by ``cancel(interrupt=True)``.
        """
        _map.require_limit("timeout", timeout)
        return TaskOptions(self, timeout)

    def map(
        self,
        function: Callable[..., _T],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        task_timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        buffer_bytes: int | None = _map.BUFFER_BYTES,
        progress: bool = False,
    ) -> Iterator[_T]:
        """Call the function with the items of the iterables; yield the results in their order.

        Starts at once and works ahead of the consumer, by ``buffersize`` items at most (by default
        by as many as keep the workers busy), so the iterables may be endless. Inputs and results
        that are ahead take about ``buffer_bytes`` at most (64 MiB; None for no limit), but each
        worker may have one task; memory that is sent by reference does not count.

        Several calls make one task: ``chunksize`` of them, or as many as take about two
        milliseconds. What a call raises is raised in its place; the calls that have not begun are
        then cancelled.

        ``timeout`` is how many seconds, from now on, all results may take: when one is not there by
        then TimeoutError is raised, and the calls that are left are cancelled, or stopped.
        ``task_timeout`` is how many seconds one task may run: TaskTimedOut is raised in its place.
        ``progress`` shows a bar (needs tqdm).
        """
        options = _map.MapOptions(timeout, task_timeout, chunksize, buffersize, buffer_bytes)
        return _map.start_map(_map.OrderedMap, self, function, iterables, options, progress)

    def imap_unordered(
        self,
        function: Callable[..., _T],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        task_timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        buffer_bytes: int | None = _map.BUFFER_BYTES,
        progress: bool = False,
    ) -> Iterator[_T]:
        """As :meth:`map`, but yield the results as they come."""
        options = _map.MapOptions(timeout, task_timeout, chunksize, buffersize, buffer_bytes)
        return _map.start_map(_map.UnorderedMap, self, function, iterables, options, progress)

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
        if exc_type is not None and issubclass(exc_type, KeyboardInterrupt):
            say_what_is_waited_for(self)
        self.shutdown()

    def __repr__(self) -> str:
        state = "broken" if self.broken else "shut down" if self.closed else "open"
        return f"<atoll.Pool, {self.interpreters} interpreters, {state}>"


class TaskOptions:
    """A pool with settings for the tasks that are submitted through it; see :meth:`Pool.options`.

    Its methods are those of the pool.
    """

    __slots__ = ("_pool", "_timeout")

    def __init__(self, pool: Pool, timeout: float | None) -> None:
        self._pool = pool
        self._timeout = timeout

    def submit[**P, T](
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """:meth:`Pool.submit` with these settings."""
        return self._pool._submit_limited(self._timeout, function, *args, **kwargs)

    def run[**P, T](self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """:meth:`Pool.run` with these settings."""
        return self._pool._run_limited(self._timeout, function, *args, **kwargs)

    def map[T](
        self,
        function: Callable[..., T],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        buffer_bytes: int | None = _map.BUFFER_BYTES,
        progress: bool = False,
    ) -> Iterator[T]:
        """:meth:`Pool.map` with these settings."""
        return self._pool.map(
            function,
            *iterables,
            timeout=timeout,
            task_timeout=self._timeout,
            chunksize=chunksize,
            buffersize=buffersize,
            buffer_bytes=buffer_bytes,
            progress=progress,
        )

    def imap_unordered[T](
        self,
        function: Callable[..., T],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
        buffer_bytes: int | None = _map.BUFFER_BYTES,
        progress: bool = False,
    ) -> Iterator[T]:
        """:meth:`Pool.imap_unordered` with these settings."""
        return self._pool.imap_unordered(
            function,
            *iterables,
            timeout=timeout,
            task_timeout=self._timeout,
            chunksize=chunksize,
            buffersize=buffersize,
            buffer_bytes=buffer_bytes,
            progress=progress,
        )

    def __repr__(self) -> str:
        return f"{self._pool!r}.options(timeout={self._timeout})"


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
    task_timeout: float | None = None,
    chunksize: int | None = None,
    buffersize: int | None = None,
    buffer_bytes: int | None = _map.BUFFER_BYTES,
    progress: bool = False,
) -> Iterator[T]:
    """:meth:`Pool.map` on the default pool."""
    return default_pool().map(
        function,
        *iterables,
        timeout=timeout,
        task_timeout=task_timeout,
        chunksize=chunksize,
        buffersize=buffersize,
        buffer_bytes=buffer_bytes,
        progress=progress,
    )


def run[**P, T](function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """:meth:`Pool.run` on the default pool."""
    return default_pool().run(function, *args, **kwargs)


def _at_exit() -> None:
    # A program that Ctrl-C has ended does not wait for what it started; a REPL goes on after it.
    was_stopped = isinstance(getattr(sys, "last_exc", None), KeyboardInterrupt)
    _atoll._end_pools(was_stopped and not hasattr(sys, "ps1"))


# Registered when the first pool can be made: callbacks of the program that were registered later
# run before, and may still use pools; those that were registered earlier find them shut down, as
# with concurrent.futures.
atexit.register(_at_exit)
