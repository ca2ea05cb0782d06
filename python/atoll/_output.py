"""What an interpreter prints, handed to another one's streams line by line, or kept.

How a pool uses it::

    tokens = _output.token(sys.stdout), _output.token(None)   # in the creator; tokens travel
    _output.install(*tokens)                                  # in a worker's fresh interpreter
    _output.keep()                                            # tasks keep what they print

``install()`` puts a :class:`Stream` in the place of ``sys.stdout`` or ``sys.stderr``. What stands
behind ``sys.__stdout__`` and ``sys.__stderr__`` stays as it is.
"""

from __future__ import annotations

import atexit
import codecs
import io
import sys
from _thread import _local  # `threading` takes whoever imports it first for the main thread
from collections import deque
from typing import TYPE_CHECKING, Protocol

from atoll._atoll import RemoteStream, _keep_output

if TYPE_CHECKING:
    from collections.abc import Buffer, Iterable
    from typing import TextIO


class Writable(Protocol):
    """What output can be handed to."""

    def write(self, text: str, /) -> object: ...


class _Line:
    """What one thread has printed, and who still has to get it."""

    __slots__ = ("decoder", "parts")

    def __init__(self) -> None:
        #: Since the last whole line. Any thread may hand it over: only atomic operations.
        self.parts: deque[str] = deque()
        #: Of the bytes that it has written to `buffer`.
        self.decoder: codecs.IncrementalDecoder | None = None

    def take(self) -> str:
        taken = []
        try:
            while True:
                taken.append(self.parts.popleft())
        except IndexError:
            return "".join(taken)


class _OfThread:
    """A thread's line, as long as the thread lives; what is left then is handed over."""

    __slots__ = ("_stream", "line")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.line = _Line()
        stream._lines.add(self.line)

    def __del__(self) -> None:
        self._stream._lines.discard(self.line)
        self._stream._hand_over(self.line.take())


class Stream(io.TextIOBase):
    """A text file for ``sys.stdout`` or ``sys.stderr``, buffered by line, for each thread apart.

    Whole lines go to the stream that the token stands for, one or more in one ``write()``, so those
    of different threads and interpreters never mix. What a thread has left unfinished is handed
    over by its ``flush()``, at its end, and by :func:`flush`. If the stream's interpreter is gone
    lines go to the stream that was there before.
    """

    encoding = "utf-8"  # of `buffer`; text is handed over as it is
    errors = "backslashreplace"
    newlines = None
    line_buffering = True
    write_through = False
    mode = "w"

    def __init__(self, name: str, target: RemoteStream | None, former: TextIO | None) -> None:
        self.name = f"<{name}>"
        self._target = target
        self._former = former
        self._lines: set[_Line] = set()
        self._local = _local()
        self._unbuffered = False
        self._buffer: _Bytes | None = None
        #: The number of the stream if tasks keep what they print.
        self._kept: int | None = None

    def __repr__(self) -> str:
        return f"<atoll output {self.name}>"

    @property
    def buffer(self) -> _Bytes:
        """The stream as a binary file, which decodes UTF-8."""
        if self._buffer is None:
            self._buffer = _Bytes(self)
        return self._buffer

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._kept is not None and _keep_output(self._kept, text):
            return len(text)
        line = self._line()
        whole, newline, rest = text.rpartition("\n")
        if newline:
            self._hand_over(f"{line.take()}{whole}\n")
        if rest:
            line.parts.append(rest)
            if self._unbuffered:
                self._hand_over(line.take())
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._kept is not None and _keep_output(self._kept, ""):
            return
        self._hand_over(self._line().take())
        if (self._target is None or not self._target.flush()) and self._former is not None:
            self._former.flush()

    def close(self) -> None:
        """Flush: the stream that lines go to belongs to others."""
        self.flush()

    def reconfigure(self, **options: object) -> None:
        """Take the options of ``io.TextIOWrapper``, which mean nothing here."""
        self.flush()

    def _line(self) -> _Line:
        try:
            line: _Line = self._local.of_thread.line
        except AttributeError:
            self._local.of_thread = _OfThread(self)
            line = self._local.of_thread.line
        return line

    def _hand_over(self, text: str) -> None:
        if not text or (self._target is not None and self._target.write(text)):
            return
        if self._former is not None:
            self._former.write(text)

    def _flush_all(self) -> None:
        for line in tuple(self._lines):
            self._hand_over(line.take())


class _Bytes(io.BufferedIOBase):
    """``Stream.buffer``."""

    mode = "wb"

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.name = stream.name
        self._make_decoder = codecs.getincrementaldecoder(stream.encoding)

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        line = self._stream._line()
        if line.decoder is None:
            line.decoder = self._make_decoder(self._stream.errors)
        data = bytes(data)
        self._stream.write(line.decoder.decode(data))
        return len(data)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self.flush()


#: Those that this module has made in this interpreter, by their names in `sys`.
_streams: dict[str, Stream] = {}


def token(stream: Writable | None) -> RemoteStream | None:
    """Return what stands for a stream of this interpreter in others; None for None.

    It can be sent like any argument. TypeError if the object has no ``write()``.
    """
    return None if stream is None else RemoteStream(stream)


def install(stdout: RemoteStream | None, stderr: RemoteStream | None) -> None:
    """Hand what this interpreter prints to the streams; None leaves one as it is.

    What is unfinished so far goes where it was meant to go.
    """
    flush()
    for name, target in (("stdout", stdout), ("stderr", stderr)):
        if target is not None:
            _put_in_place(name, target)


def keep() -> None:
    """Let tasks keep what they print, in a pool with ``capture_output``."""
    for number, name in enumerate(("stdout", "stderr")):
        stream = _streams.get(name) or _put_in_place(name, None)
        stream._kept = number


def flush() -> None:
    """Hand over what any thread of this interpreter has left unfinished."""
    for stream in tuple(_streams.values()):
        stream._flush_all()


def _put_in_place(name: str, target: RemoteStream | None) -> Stream:
    if not _streams:
        atexit.register(_at_exit)
    former = getattr(sys, name)
    kept = None
    if isinstance(former, Stream):
        kept = former._kept
        former = former._former
    stream = _streams[name] = Stream(name, target, former)
    stream._kept = kept
    setattr(sys, name, stream)
    return stream


def _at_exit() -> None:
    """The interpreter ends: its threads are joined, and nobody comes to hand the rest over."""
    for stream in tuple(_streams.values()):
        stream._flush_all()
        stream._unbuffered = True
