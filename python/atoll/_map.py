"""``Pool.map()``: chunks of calls that are ahead of the consumer."""

from __future__ import annotations

import itertools
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from atoll import _atoll, interpreters

if TYPE_CHECKING:
    from atoll._futures import Future

_T = TypeVar("_T")

#: How long a chunk of calls should take, in seconds: much more than what sending it costs, much
#: less than what a person, or the balance between workers, would notice.
_CHUNK_SECONDS = 0.002

_LARGEST_CHUNK = 4096

#: How much work should wait for each worker, in seconds, so that none sleeps while there is some.
_AHEAD_SECONDS = 0.01

_MOST_AHEAD = 2000

#: How many bytes of inputs and results may be ahead of the consumer by default.
BUFFER_BYTES = 64 << 20


class MapOptions(NamedTuple):
    """The keywords of a map."""

    timeout: float | None  #: seconds from now on, for all results
    task_timeout: float | None
    chunksize: int | None
    buffersize: int | None
    buffer_bytes: int | None


def start_map[T](
    kind: type[Map[T]],
    pool: _atoll.Pool,
    function: Callable[..., T],
    iterables: tuple[Iterable[Any], ...],
    options: MapOptions,
    progress: bool,
) -> Iterator[T]:
    """Check what is given, and start. TypeError, ValueError."""
    if not callable(function):
        raise TypeError(f"expected a callable, not {type(function).__name__}")
    for name in ("chunksize", "buffersize", "buffer_bytes"):
        value = getattr(options, name)
        if value is None:
            continue
        if not isinstance(value, int):
            raise TypeError(f"{name} must be an integer or None")
        if value < 1:
            raise ValueError(f"{name} must be None or > 0")
    require_limit("task_timeout", options.task_timeout)
    if options.timeout is not None and not options.timeout >= 0:
        raise ValueError("timeout must be a number of seconds, or None")
    show = _progress_of(iterables) if progress else iter
    return show(kind(pool, function, iterables, options))


def require_limit(name: str, seconds: float | None) -> None:
    """Raise ValueError if a task could not run for so long."""
    if seconds is not None and not seconds > 0:
        raise ValueError(f"{name} must be a positive number of seconds, or None")


class Map(Iterator[_T]):
    """A map under way: chunks of calls that are ahead of the consumer."""

    def __init__(
        self,
        pool: _atoll.Pool,
        function: Callable[..., _T],
        iterables: tuple[Iterable[Any], ...],
        options: MapOptions,
    ) -> None:
        self._end = None if options.timeout is None else time.monotonic() + options.timeout
        self._pool = pool
        self._function = function
        self._calls = zip(*iterables, strict=False)
        self._task_timeout = options.task_timeout
        self._fixed = options.chunksize
        self._chunk = options.chunksize or 1
        self._most = options.buffersize
        self._workers = pool._max_workers
        self._ahead = 0  # calls that were submitted and whose results are not consumed
        self._in_flight = 0  # chunks
        self._limit = 2 * pool._max_workers + 2  # of these
        self._most_bytes = options.buffer_bytes
        self._input_bytes = 0  # of the chunks in flight
        self._bytes_in = self._bytes_out = 0.0  # what one call's input, and its result, take
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
            if self._most_bytes is not None:
                size = self._fit(size, self._most_bytes)
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

    def _fit(self, size: int, most: int) -> int:
        """How many calls of a chunk fit into the bytes that may be ahead."""
        # A call that waits has its input, and one that is done its result.
        each = max(1.0, self._bytes_in, self._bytes_out)
        held = max(self._input_bytes, self._ahead * each)
        fitting = int((most - held) / each)
        # Every worker may have one, whatever its size.
        is_needed = self._in_flight < self._workers
        if self._fixed is not None:
            return size if is_needed or fitting >= size else 0
        if is_needed:
            fitting = max(1, fitting)
        # One chunk is not to take what others could share.
        share = most / each / self._workers / 2
        return min(fitting, size, max(1, int(share)))

    @staticmethod
    def _bytes_of_one(former: float, total: int, calls: int) -> float:
        """What one of the inputs, or one of the results, takes: so many took so much."""
        # Quick to learn of large ones, slow to forget them.
        each = total / calls if calls else 0.0
        return max(each, (7 * former + each) / 8)

    def _send(self, calls: list[tuple[Any, ...]]) -> None:
        try:
            future = self._submit(calls)
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
            self._input_bytes += future._input_bytes
            self._bytes_in = self._bytes_of_one(self._bytes_in, future._input_bytes, len(calls))

    def _end_with(self, error: Exception) -> None:
        self._exhausted = True
        self._last_error = error

    @abstractmethod
    def _submit(self, calls: list[tuple[Any, ...]]) -> Future[Any]:
        """Submit a chunk."""

    @abstractmethod
    def _next_chunk(self) -> Future[Any] | None:
        """Wait for a chunk that is done; None if there is none to come. Raises TimeoutError."""

    def _time_left(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @abstractmethod
    def _pending(self) -> Iterable[Future[Any]]:
        """The chunks that were not consumed."""

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
            # Ctrl-C, or the time is over. Nobody else knows the calls.
            self._cancel_all(interrupt=True)
            raise
        if future is None:
            self._over = True
            return
        self._in_flight -= 1
        self._input_bytes -= future._input_bytes
        result_bytes = future._result_bytes
        try:
            results, error = future._take_results()
        except BaseException:
            self.close()
            raise
        self._adapt(future._seconds, len(results))
        self._bytes_out = self._bytes_of_one(self._bytes_out, result_bytes, len(results))
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
        self._cancel_all(interrupt=False)

    def _cancel_all(self, *, interrupt: bool) -> None:
        self._over = self._exhausted = True
        for future in self._pending():
            future.cancel(interrupt=interrupt)

    def __del__(self) -> None:
        if not self.__dict__.get("_over", True):
            self.close()


class OrderedMap(Map[_T]):
    def __init__(self, *args: Any) -> None:
        self._futures: deque[Future[Any]] = deque()
        super().__init__(*args)

    def _submit(self, calls: list[tuple[Any, ...]]) -> Future[Any]:
        future = self._pool._submit_map(self._function, calls, self._task_timeout)
        self._futures.append(future)
        return future

    def _next_chunk(self) -> Future[Any] | None:
        if not self._futures:
            return None
        self._futures[0]._wait(self._time_left())
        return self._futures.popleft()

    def _pending(self) -> Iterable[Future[Any]]:
        return self._futures


class UnorderedMap(Map[_T]):
    def __init__(self, *args: Any) -> None:
        self._completions = _atoll._Completions()
        self._futures: dict[int, Future[Any]] = {}
        self._number = itertools.count().__next__
        super().__init__(*args)

    def _submit(self, calls: list[tuple[Any, ...]]) -> Future[Any]:
        tag = self._number()
        future = self._futures[tag] = self._pool._submit_map(
            self._function, calls, self._task_timeout, self._completions, tag
        )
        return future

    def _next_chunk(self) -> Future[Any] | None:
        if not self._futures:
            return None
        return self._futures.pop(self._completions.get(self._time_left()))

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
