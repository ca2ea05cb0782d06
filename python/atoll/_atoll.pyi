# The native half of atoll. Use the modules that re-export it.
# ruff: noqa: PYI021  (docstrings: editors show them for what is used without a Python wrapper)

import concurrent.futures
from collections.abc import Buffer, Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    Protocol,
    Self,
    SupportsIndex,
    TypeVar,
    final,
    overload,
)

from typing_extensions import TypeVar as TypeVarWithDefault  # part of every type checker

from atoll import _pool

_T = TypeVar("_T")
_Item = TypeVarWithDefault("_Item", default=Any)

class InterpreterError(Exception): ...
class InterpreterNotFoundError(InterpreterError): ...
class NotShareableError(TypeError): ...

class Interpreter:
    def __new__(
        cls, id: int, /, *, _whence: int | None = None, _ownsref: bool | None = None
    ) -> Self: ...
    @property
    def id(self) -> int: ...
    @property
    def whence(self) -> str: ...
    def is_running(self) -> bool: ...
    def close(self) -> None: ...
    def call(self, callable: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T: ...
    def _exec(self, code: Any, /) -> SimpleNamespace | None: ...
    def _prepare_main(self, updates: Mapping[str, Any], /) -> None: ...

class QueueError(RuntimeError): ...
class QueueNotFoundError(QueueError): ...

class Queue:
    def __new__(cls, id: int, /) -> Self: ...
    @property
    def id(self) -> int: ...
    @property
    def maxsize(self) -> int: ...
    @property
    def _default_flag(self) -> int: ...
    def put(
        self,
        obj: object,
        block: bool = True,
        timeout: float | None = None,
        *,
        unbounditems: Any = None,
    ) -> None: ...
    def put_nowait(self, obj: object, *, unbounditems: Any = None) -> None: ...
    def get(self, block: bool = True, timeout: float | None = None) -> Any: ...
    def get_nowait(self) -> Any: ...
    def qsize(self) -> int: ...
    def empty(self) -> bool: ...
    def full(self) -> bool: ...

class ChannelError(RuntimeError): ...
class ChannelNotFoundError(ChannelError): ...
class ChannelClosedError(ChannelError): ...
class ChannelEmptyError(ChannelError): ...
class ChannelNotEmptyError(ChannelError): ...

@final
class ChannelID:
    @property
    def end(self) -> Literal["send", "recv", "both"]: ...
    @property
    def send(self) -> ChannelID: ...
    @property
    def recv(self) -> ChannelID: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...

@final
class ChannelInfo(tuple[bool, bool, bool, int, int, int, int, int]):
    @property
    def open(self) -> bool: ...
    @property
    def closing(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def count(self) -> int: ...  # type: ignore[override]
    @property
    def num_interp_send(self) -> int: ...
    @property
    def num_interp_send_released(self) -> int: ...
    @property
    def num_interp_recv(self) -> int: ...
    @property
    def num_interp_recv_released(self) -> int: ...
    @property
    def num_interp_both(self) -> int: ...
    @property
    def num_interp_both_recv_released(self) -> int: ...
    @property
    def num_interp_both_send_released(self) -> int: ...
    @property
    def num_interp_both_released(self) -> int: ...
    @property
    def send_associated(self) -> bool: ...
    @property
    def send_released(self) -> bool: ...
    @property
    def recv_associated(self) -> bool: ...
    @property
    def recv_released(self) -> bool: ...

class _LowLevelInterpreters(Protocol):
    def get_main(self) -> tuple[int, int]: ...
    def get_current(self) -> tuple[int, int]: ...
    def list_all(self, *, require_ready: bool = False) -> list[tuple[int, int]]: ...
    def whence(self, id: int) -> int: ...
    def new_config(self, name: str = "isolated", /, **overrides: Any) -> SimpleNamespace: ...
    def get_config(self, id: int, *, restrict: bool = False) -> SimpleNamespace: ...
    def create(
        self, config: str | SimpleNamespace | None = "isolated", *, reqrefs: bool = False
    ) -> int: ...
    def destroy(self, id: int, *, restrict: bool = False) -> None: ...
    def incref(self, id: int, *, implieslink: bool = False, restrict: bool = False) -> None: ...
    def decref(self, id: int, *, restrict: bool = False) -> None: ...
    def is_running(self, id: int, *, restrict: bool = False) -> bool: ...
    def exec(
        self, id: int, code: Any, shared: dict[str, Any] = {}, *, restrict: bool = False
    ) -> SimpleNamespace | None: ...
    def run_string(
        self, id: int, script: str, shared: dict[str, Any] = {}, *, restrict: bool = False
    ) -> SimpleNamespace | None: ...
    def run_func(
        self, id: int, func: Any, shared: dict[str, Any] = {}, *, restrict: bool = False
    ) -> SimpleNamespace | None: ...
    def call(
        self,
        id: int,
        callable: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] = {},
        *,
        preserve_exc: bool = False,
        restrict: bool = False,
    ) -> tuple[Any, SimpleNamespace | None]: ...
    def set___main___attrs(
        self, id: int, updates: dict[str, Any], *, restrict: bool = False
    ) -> None: ...
    def capture_exception(self, exc: BaseException | None = None) -> SimpleNamespace | None: ...
    def is_shareable(self, obj: object) -> bool: ...

interpreters: Final[_LowLevelInterpreters]

class _LowLevelQueues(Protocol):
    def create(self, maxsize: int, unboundop: int = -1, fallback: int = -1) -> int: ...
    def destroy(self, qid: int) -> None: ...
    def list_all(self) -> list[tuple[int, int, int]]: ...
    def put(self, qid: int, obj: object, unboundop: int = -1, fallback: int = -1) -> None: ...
    def get(self, qid: int) -> tuple[Any, int | None]: ...
    def bind(self, qid: int) -> None: ...
    def release(self, qid: int) -> None: ...
    def get_maxsize(self, qid: int) -> int: ...
    def get_queue_defaults(self, qid: int) -> tuple[int, int]: ...
    def is_full(self, qid: int) -> bool: ...
    def get_count(self, qid: int) -> int: ...
    def _register_heap_types(
        self, queuetype: type, emptyerror: type[BaseException], fullerror: type[BaseException]
    ) -> None: ...

queues: Final[_LowLevelQueues]

class _LowLevelChannels(Protocol):
    def create(self, unboundop: int = -1, fallback: int = -1) -> ChannelID: ...
    def destroy(self, cid: SupportsIndex) -> None: ...
    def list_all(self) -> list[tuple[ChannelID, int, int]]: ...
    def list_interpreters(self, cid: SupportsIndex, *, send: bool) -> list[int]: ...
    def send(
        self,
        cid: SupportsIndex,
        obj: object,
        unboundop: int = -1,
        fallback: int = -1,
        *,
        blocking: bool = True,
        timeout: float | None = None,
    ) -> None: ...
    def send_buffer(
        self,
        cid: SupportsIndex,
        obj: object,
        unboundop: int = -1,
        fallback: int = -1,
        *,
        blocking: bool = True,
        timeout: float | None = None,
    ) -> None: ...
    def recv(self, cid: SupportsIndex, default: Any = ...) -> tuple[Any, int | None]: ...
    def _recv_blocking(
        self, cid: SupportsIndex, timeout: float | None = None
    ) -> tuple[Any, int | None]: ...
    def close(
        self,
        cid: SupportsIndex,
        *,
        send: bool | None = None,
        recv: bool | None = None,
        force: bool = False,
    ) -> None: ...
    def release(
        self,
        cid: SupportsIndex,
        *,
        send: bool | None = None,
        recv: bool | None = None,
        force: bool = True,
    ) -> None: ...
    def get_count(self, cid: SupportsIndex) -> int: ...
    def get_info(self, cid: SupportsIndex) -> ChannelInfo: ...
    def get_channel_defaults(self, cid: SupportsIndex) -> tuple[int, int]: ...
    def _channel_id(
        self,
        id: SupportsIndex,
        *,
        send: bool | None = None,
        recv: bool | None = None,
        force: bool = False,
    ) -> ChannelID: ...
    def _register_end_types(self, send: type, recv: type) -> None: ...

channels: Final[_LowLevelChannels]

class Closed(Exception):
    """The other end of the channel is closed for good, or this end was."""

class WouldBlock(Exception):
    """The operation would have to wait, and was not to."""

@final
class Sender[T]:
    """A sending end of a channel; see channel().

    Its length is the number of values in the channel. Sent to another interpreter it arrives as a
    clone. All clones are equal. Safe to use from any thread of its interpreter.
    """

    @property
    def capacity(self) -> int | None:
        """How many values the channel holds at most, 0 if it hands them over; None: no limit."""
    @property
    def closed(self) -> bool:
        """Whether send() would raise Closed."""
    def send(self, value: T, timeout: float | None = None) -> None:
        """Send a value, which arrives as a copy.

        Waits until there is room in the channel or, with capacity 0, until a receiver has taken the
        value; at most timeout seconds, then raises TimeoutError. Raises Closed if no receiver is
        left, also while it waits, and NotShareableError for a value that cannot travel. In all
        these cases nothing was sent.
        """
    def send_nowait(self, value: T, /) -> None:
        """send() that raises WouldBlock instead of waiting."""
    def clone(self) -> Self:
        """Return another Sender of the channel, which has to be closed on its own."""
    def close(self) -> None:
        """Give this end up; closing it again does nothing.

        When the last Sender of the channel is closed, or gone, receivers get what is left, and then
        Closed. A send() that waits in another thread through this very object raises Closed.
        """
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...

@final
class Receiver[T]:
    """A receiving end of a channel; see channel(), after(), ticker().

    Its length is the number of values in the channel. A loop over it receives until the channel is
    closed. Sent to another interpreter it arrives as a clone; each value is received once, through
    one of the clones. All clones are equal. Safe to use from any thread of its interpreter.
    """

    @property
    def capacity(self) -> int | None:
        """How many values the channel holds at most, 0 if it hands them over; None: no limit."""
    @property
    def closed(self) -> bool:
        """Whether recv() would raise Closed."""
    def recv(self, timeout: float | None = None) -> T:
        """Receive the next value.

        Waits for it, at most timeout seconds, then raises TimeoutError. Raises Closed when no
        sender is left and nothing is left to receive, also while it waits.
        """
    def recv_nowait(self) -> T:
        """recv() that raises WouldBlock instead of waiting."""
    def clone(self) -> Self:
        """Return another Receiver of the channel, which has to be closed on its own."""
    def close(self) -> None:
        """Give this end up; closing it again does nothing.

        When the last Receiver of the channel is closed, or gone, what is left is dropped, and
        senders get Closed. A recv() that waits in another thread through this very object raises
        Closed, and a loop over it ends.
        """
    def stop(self) -> None:
        """End what after() or ticker() has made, for all its Receivers: they get Closed."""
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
    def __iter__(self) -> Iterator[T]: ...
    def __next__(self) -> T: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...

@final
class Selected(
    tuple[int | None, Sender[Any] | Receiver[Any] | Queue | _pool.Future[Any] | None, Any, bool]
):
    """What select() did."""

    __match_args__: Final = ("index", "channel", "value", "closed")
    @property
    def index(self) -> int | None:  # type: ignore[override]
        """Which case it was, from 0; None for the default."""
    @property
    def channel(self) -> Sender[Any] | Receiver[Any] | Queue | _pool.Future[Any] | None:
        """The Sender, Receiver, Queue or Future of the case; None for the default."""
    @property
    def value(self) -> Any:
        """What was received; the default; None after a send."""
    @property
    def closed(self) -> bool:
        """The case is a Receiver whose channel is closed: nothing was received."""

@final
class SharedBuffer:
    """Memory of so many bytes, at first all 0, that every interpreter sees without a copy.

    Sent to another interpreter it arrives as a SharedBuffer on the same memory, whatever its size.
    A slice is one, too. It has the buffer protocol and begins at a multiple of 64 bytes. The memory
    lives until nobody has it any more: no interpreter, no message, no view. Nothing keeps those who
    write from those who read: that is up to you.
    """

    def __new__(cls, size: SupportsIndex, /) -> Self: ...
    @classmethod
    def of(cls, data: Buffer, /, *, readonly: bool = False) -> Self:
        """Return a SharedBuffer with a copy of the content of a bytes-like object."""
    @property
    def readonly(self) -> bool:
        """Whether it can be read only."""
    @property
    def nbytes(self) -> int:
        """The size in bytes, as len()."""
    def toreadonly(self) -> Self:
        """Return a read-only SharedBuffer on the same memory.

        What is made of it, wherever it goes, is read-only too; this one remains as it is.
        """
    def tobytes(self) -> bytes:
        """Return a copy of the content, as bytes."""
    @staticmethod
    def total_bytes() -> int:
        """How many bytes of shared memory are in use, in all interpreters of the process.

        Counts each memory once, with arrays and large buffers that are on their way or have
        arrived.
        """
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[int]: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> Self: ...
    @overload
    def __setitem__(self, index: SupportsIndex, value: SupportsIndex, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Buffer, /) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class SharedArray:
    """An array of numbers, at first all 0, that every interpreter sees without a copy.

    shape is an int or a sequence of ints; dtype a name as 'int32', or what NumPy takes for one. It
    lies in new memory or at the start of a SharedBuffer. Sent to another interpreter it arrives as
    a SharedArray on the same memory, whatever its size. numpy.asarray() makes a view of it; it has
    the buffer protocol and DLPack, too. Its own arithmetic is none: elements are read and written
    by index, parts are SharedArrays on the same memory.
    """

    def __new__(
        cls,
        shape: SupportsIndex | Sequence[SupportsIndex],
        dtype: Any = "float64",
        *,
        buffer: SharedBuffer | None = None,
    ) -> Self: ...
    @classmethod
    def of(cls, array: Buffer, /, *, readonly: bool = False) -> Self:
        """Return a SharedArray with a copy of the elements of a NumPy array, an array.array or
        another object that exports numbers through the buffer protocol.
        """
    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions."""
    @property
    def strides(self) -> tuple[int, ...]:
        """How far apart elements are, per dimension, in bytes."""
    @property
    def dtype(self) -> str:
        """The name of the element type, such as 'float64'."""
    @property
    def ndim(self) -> int:
        """How many dimensions there are."""
    @property
    def size(self) -> int:
        """How many elements there are."""
    @property
    def itemsize(self) -> int:
        """The size of an element in bytes."""
    @property
    def nbytes(self) -> int:
        """The size of all elements in bytes."""
    @property
    def readonly(self) -> bool:
        """Whether it can be read only."""
    @property
    def buffer(self) -> SharedBuffer:
        """The memory of the elements. ValueError if there is other memory between them."""
    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    @overload
    def reshape(self, shape: SupportsIndex | Sequence[SupportsIndex], /) -> Self:
        """Return a SharedArray of another shape on the same memory; one length may be -1."""
    @overload
    def reshape(self, /, *shape: SupportsIndex) -> Self: ...
    def toreadonly(self) -> Self:
        """Return a read-only SharedArray on the same memory."""
    def tolist(self) -> Any:
        """Return the elements as lists of lists, one level per dimension."""
    def tobytes(self) -> bytes:
        """Return a copy of the elements in C order, as bytes."""
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Return a capsule with the array as a DLPack tensor, for from_dlpack() of libraries."""
    def __dlpack_device__(self) -> tuple[int, int]:
        """Return (1, 0): the CPU."""
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __bool__(self) -> bool: ...
    def __getitem__(self, index: Any, /) -> Any: ...
    def __setitem__(self, index: Any, value: Any, /) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

# It makes a plain tuple; as a class it can be given the type of what is sent.
@final
class channel(tuple[Sender[_Item], Receiver[_Item]]):  # noqa: N801
    """Make a channel and return its ends, a Sender and a Receiver.

    capacity is how many values wait in it at most: with 0 a send is over when a receiver has taken
    the value, with None it never waits. The ends can be sent to other interpreters, where they are
    clones; each end stays open until its last clone is closed or gone. channel[int]() tells type
    checkers what is sent.
    """

    def __new__(cls, capacity: int | None = 0) -> channel[_Item]: ...

def select(
    *cases: Receiver[Any] | Queue | _pool.Future[Any] | tuple[Sender[Any], Any] | None,
    timeout: float | None = None,
    default: Any = ...,
    order: Literal["random", "given"] = "random",
) -> Selected:
    """Carry out the first of several cases that is ready, and only that one.

    A case is a Receiver (receive a value), a Queue (get an item), a Future (its result), a tuple
    (Sender, value) (send the value), or None, which is never ready. Among several that are ready
    one is chosen at random or, with order="given", the first. A Receiver whose channel is closed is
    ready, with closed=True and the value None; a send on a closed channel raises Closed, and a
    Future that failed raises what its task raised.

    While none is ready it waits, at most timeout seconds, then raises TimeoutError. With a default
    it returns that instead, as value, with the index None; and if no timeout is given, at once.
    Raises ValueError where it would wait for ever: no case but None, and no timeout.
    """

def after(seconds: float, /) -> Receiver[float]:
    """Return a Receiver that gives one value in so many seconds, and then is closed.

    The value is when it was due, in the seconds of time.monotonic(). No thread runs for it.
    """

def ticker(seconds: float, /) -> Receiver[float]:
    """Return a Receiver that gives a value every so many seconds, until it is closed or stopped.

    The value is when it was due, in the seconds of time.monotonic(). It keeps to its schedule; of
    values that nobody takes one is kept. No thread runs for it.
    """

def register[T, V](type: type[T], encode: Callable[[T], V], decode: Callable[[V], T]) -> None:
    """Tell how the instances of a class travel from this interpreter to others.

    encode(object) returns a value that can be sent; decode(value) makes the object of it in the
    receiver. decode travels along, by name if it can be imported, so that the receiver need not
    register anything. Holds for exact instances, not for those of subclasses. Registering a class
    again replaces what was told. Raises ValueError for a type that travels natively.
    """

def unregister(type: type[Any], /) -> None:
    """Take back register(); KeyError if the class is not registered here."""

class TaskInterrupted(BaseException):
    """A task of a pool was told to stop; raised in its code."""

class TaskTimedOut(TimeoutError):
    """A task was stopped: it has run for longer than it may.

    A TimeoutError that is none of these means that the task was not over in time, and goes on.
    """

class Future(concurrent.futures.Future[_T]):
    """The native half of atoll.Future."""

    def result(self, timeout: float | None = None) -> _T:
        """Wait for the task and return its result, or raise what it raised.

        Raises TimeoutError if it is not done in so many seconds (a fraction counts), TaskTimedOut
        if it was stopped for running too long, CancelledError if it was cancelled. An exception
        arrives as it was raised, with the traceback of the other interpreter as cause; one that
        cannot be sent as ExecutionFailed.
        """
    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the task and return what it raised, or None. As result() otherwise."""
    def cancel(self, *, interrupt: bool | None = None) -> bool:
        """Cancel the task and return True; False if that is too late.

        A task that runs is cancelled only with interrupt=True; by default, too, when it is the
        future of a pool that asyncio.wrap_future() waits for. The future is cancelled at once; the
        code is told to stop by TaskInterrupted, which is raised in it at its next byte code or in
        its wait in atoll. A call into C that blocks ends first. Code that has caught the exception,
        and goes on, is told again by another cancel(interrupt=True).
        """
    def _wait(self, timeout: float | None = None) -> None: ...
    def _watch(self) -> bool: ...
    def _settle(self) -> None: ...
    def _let_cancel_interrupt(self) -> None: ...
    def _take_results(self) -> tuple[list[Any], BaseException | None]: ...
    def _output(self, stream: int, /) -> str | None: ...
    @property
    def _seconds(self) -> float: ...
    @property
    def _input_bytes(self) -> int: ...
    @property
    def _result_bytes(self) -> int: ...

class Pool:
    """The native half of atoll.Pool."""

    def __new__(
        cls,
        *,
        interpreters: int = 1,
        threads: int = 1,
        max_tasks: int = 0,
        warm: int = 0,
        name: str = "atoll",
        preload: tuple[str, ...] = (),
        set_up: tuple[tuple[Callable[..., object], tuple[Any, ...]], ...] = (),
        config: str | SimpleNamespace | None = None,
        by_value: bool = True,
        keeps_output: bool = False,
    ) -> Self: ...
    @property
    def interpreters(self) -> int:
        """How many interpreters it has at most."""
    @property
    def closed(self) -> bool:
        """Whether shutdown() was called."""
    @property
    def broken(self) -> bool:
        """Whether an interpreter could not be made or set up: the pool takes no tasks then."""
    def submit[**P, T](
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> _pool.Future[T]:
        """Have function(*args, **kwargs) called in one of the pool's interpreters; return a Future.

        A function or an argument that cannot be sent makes the future fail with NotShareableError.
        Raises RuntimeError after shutdown(), BrokenInterpreterPool when the pool is broken. For a
        limit on its time see options().
        """
    def run[**P, T](self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call function(*args, **kwargs) in one of the pool's interpreters and return its result.

        As submit(...).result(); what ends the wait, such as Ctrl-C, stops the call as well.
        """
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; when those that are there are done, close the interpreters.

        Waits for all of that unless wait is False. With cancel_futures, tasks that have not begun
        are cancelled.
        """
    def _submit(
        self, function: Callable[..., _T], /, *args: Any, **kwargs: Any
    ) -> _pool.Future[_T]: ...
    def _submit_limited(
        self, timeout: float | None, function: Callable[..., _T], /, *args: Any, **kwargs: Any
    ) -> _pool.Future[_T]: ...
    def _run_limited(
        self, timeout: float | None, function: Callable[..., _T], /, *args: Any, **kwargs: Any
    ) -> _T: ...
    def _submit_map(
        self,
        function: Callable[..., _T],
        calls: list[tuple[Any, ...]],
        timeout: float | None = None,
        completions: _Completions | None = None,
        tag: int = 0,
    ) -> _pool.Future[list[_T]]: ...
    def _join(self, timeout: float | None, /) -> None: ...
    def _stop(self) -> None: ...
    def _stats(self) -> dict[str, int]: ...
    def _running(self) -> list[str]: ...
    def _failure(self) -> BaseException | None: ...
    def _on_broken(self, callback: Callable[[_T], object], argument: _T, /) -> None: ...
    def _take(self) -> int: ...
    @property
    def _max_workers(self) -> int: ...
    @property
    def _workers(self) -> int: ...
    @property
    def _ended(self) -> bool: ...

class _Completions:
    """Where the tasks that report to it appear when they are over."""

    def __new__(cls) -> Self: ...
    def get(self, timeout: float | None = None) -> int:
        """Wait for the next end and return its tag. Raises TimeoutError."""

class RemoteStream:
    """An object with write(str), for other interpreters to use."""

    def __new__(cls, stream: object, /) -> Self: ...
    def write(self, text: str, /) -> bool:
        """Call the stream's write() in its interpreter.

        Returns False if that interpreter is gone. An error of the stream is reported there (see
        sys.unraisablehook) and not raised here.
        """
    def flush(self) -> bool:
        """Call the stream's flush(), if it has one, in its interpreter; as write()."""

def get_crossinterp_data(obj: object, mode: str = "xidata") -> object: ...
def restore_crossinterp_data(data: object) -> Any: ...
def _set_execution_failed(type: type[BaseException], /) -> None: ...
def _register_interpreter_type(type: type, /) -> None: ...
def _extension_cache() -> str: ...
def _set_bootstrap(source: str, /) -> None: ...
def _make_future_type(
    base: type[concurrent.futures.Future[Any]], /
) -> type[concurrent.futures.Future[Any]]: ...
def _register_futures(
    future: type[Future[Any]],
    settle: Callable[[Any], None],
    cancelled: type[BaseException],
    broken: type[BaseException],
    /,
) -> None: ...
def _keep_output(stream: int, text: str, /) -> bool: ...
def _end_pools(stop: bool, /) -> None: ...
