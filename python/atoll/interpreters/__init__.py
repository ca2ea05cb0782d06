"""Isolated interpreters: the API of ``concurrent.interpreters`` (PEP 734), on CPython 3.12 to 3.15.

::

    from atoll import interpreters

    interp = interpreters.create()
    interp.prepare_main(limit=10)
    interp.exec("total = sum(range(limit))")
    print(interp.call(eval, "total"))

    queue = interpreters.create_queue()
    interp.prepare_main(queue=queue)
    interp.exec("queue.put('hello')")
    print(queue.get(timeout=0.5))
    interp.close()

An interpreter runs one thing at a time, in the thread that asks for it. Different interpreters run
in parallel in different threads. Objects are copied on the way in and out; see
:meth:`Interpreter.call`.
"""

from __future__ import annotations

import contextlib
import operator
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from atoll import _atoll
from atoll._atoll import InterpreterError, InterpreterNotFoundError, NotShareableError
from atoll._config import with_extensions
from atoll._install import installed
from atoll.interpreters import _queues
from atoll.interpreters._queues import Queue, QueueEmpty, QueueFull
from atoll.interpreters._queues import create as create_queue
from atoll.lowlevel import interpreters as _interpreters
from atoll.lowlevel.interpreters import is_shareable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import CodeType, FunctionType, SimpleNamespace

    from atoll._output import Writable

__all__ = [
    "ExecutionFailed",
    "Interpreter",
    "InterpreterError",
    "InterpreterNotFoundError",
    "NotShareableError",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "create",
    "create_queue",
    "get_current",
    "get_main",
    "is_shareable",
    "list_all",
]


class ExecutionFailed(InterpreterError):
    """An exception that code in another interpreter did not catch.

    ``excinfo`` describes it with plain strings: ``type`` (``__name__``, ``__qualname__``,
    ``__module__``), ``msg``, ``formatted`` (one line) and ``errdisplay`` (the whole traceback).
    """

    def __init__(self, excinfo: SimpleNamespace) -> None:
        summary = getattr(excinfo, "formatted", None)
        if not summary:
            name = getattr(getattr(excinfo, "type", None), "__name__", None)
            message = getattr(excinfo, "msg", None)
            summary = f"{name}: {message}" if name and message else name or message or ""
        super().__init__(summary)
        self.excinfo = excinfo

    #: Whether it is shown before the exception that it describes, which has the same summary.
    _is_cause = False

    def __str__(self) -> str:
        summary = super().__str__()
        display = getattr(self.excinfo, "errdisplay", None)
        if display and self._is_cause:
            return f"Uncaught in the interpreter:\n\n{display}"
        if not display:
            return summary
        return f"{summary}\n\nUncaught in the interpreter:\n\n{display}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.excinfo,)


_atoll._set_execution_failed(ExecutionFailed)

#: One object per interpreter: identity is equality.
_objects: weakref.WeakValueDictionary[int, Interpreter] = weakref.WeakValueDictionary()


class Interpreter(_atoll.Interpreter):
    """One interpreter of this process, by its id.

    Use :func:`create` to make a new one. An interpreter that atoll created ends with :meth:`close`,
    or with the last Interpreter object for it in any interpreter. Safe to use from any thread; it
    runs one thing at a time, and a second thread that asks meanwhile gets InterpreterError.
    """

    __slots__ = ()

    def __new__(
        cls, id: int, /, _whence: int | None = None, _ownsref: bool | None = None
    ) -> Interpreter:
        id = operator.index(id)
        known = _objects.get(id)
        if known is not None and type(known) is cls:
            _interpreters.whence(id)  # raises if it is closed by now
            return known
        self = super().__new__(cls, id, _whence=_whence, _ownsref=_ownsref)
        return _objects.setdefault(id, self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.id,)

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(self, *exc_info: object) -> None:
        # What was closed inside of the block is no matter.
        with contextlib.suppress(InterpreterNotFoundError):
            self.close()

    def exec(self, code: str | bytes | CodeType | FunctionType, /) -> None:
        """Run source text, a code object or a function in the interpreter's ``__main__``.

        Runs in the calling thread and returns when the code is done. A function must take no
        arguments, have no closure and return nothing; its globals are those of ``__main__``. Raises
        ExecutionFailed for an exception that the code lets escape, SyntaxError for source that does
        not compile.
        """
        excinfo = self._exec(code)
        if excinfo is not None:
            raise ExecutionFailed(excinfo)

    def prepare_main(
        self, ns: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None, /, **kwargs: Any
    ) -> None:
        """Bind names in the interpreter's ``__main__``: all of them, or none.

        The values must be shareable (see :func:`is_shareable`), else NotShareableError.
        """
        self._prepare_main(kwargs if ns is None else dict(ns, **kwargs))

    def redirect_output(
        self, *, stdout: Writable | None = None, stderr: Writable | None = None
    ) -> None:
        """Hand what the interpreter prints to streams of the caller's interpreter, by line.

        A stream is any object with ``write(str)``, such as ``sys.stdout`` or ``io.StringIO()``;
        None leaves that one as it is. ``write()`` is called in the caller's interpreter, with one
        or more whole lines, by the thread that prints; what it raises is reported there (see
        ``sys.unraisablehook``), not in the code that prints. An unfinished line is handed over by
        ``flush()``, at the end of its thread, at the end of the interpreter, and by the next
        redirect_output(). When the caller's interpreter is gone, output goes where it went before.

        Not in PEP 734. What C code writes to the file descriptors itself is not redirected. The
        interpreter must be idle, as for :meth:`call`. TypeError if a stream has no ``write()``.
        """
        from atoll import _output

        self.call(_output.install, _output.token(stdout), _output.token(stderr))

    def call_in_thread(
        self, callable: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> threading.Thread:
        """Start a thread that does ``call(callable, ...)`` and return it.

        The result is dropped; an exception goes to ``threading.excepthook``.
        """
        thread = threading.Thread(target=self.call, args=(callable, *args), kwargs=kwargs)
        thread.start()
        return thread


_atoll._register_interpreter_type(Interpreter)


def create(
    config: str | SimpleNamespace | None = None, *, extensions: str | None = None
) -> Interpreter:
    """Create an idle interpreter.

    It starts with the creator's ``sys.path`` and an empty ``__main__``. ``config`` is
    ``'isolated'`` (the default: everything of its own, with its own GIL), ``'legacy'`` (shares the
    GIL, may load any extension module), or what ``new_config()`` of
    ``atoll.lowlevel.interpreters`` returns.

    ``extensions`` says what happens to extension modules that do not declare that isolated
    interpreters may share them: ``'auto'`` loads a private copy of their file, ``'private'`` does
    so with all that are not the standard library's, ``'declared'`` refuses them as CPython does.
    The default is ``$ATOLL_EXTENSIONS``, else ``'auto'``; ``'declared'`` on 3.12, after
    :func:`atoll.install`, and for a configuration object that does not say. ValueError for another
    value, and for ``'auto'`` and ``'private'`` on 3.12.
    """
    if extensions is None and installed() and "ATOLL_EXTENSIONS" not in os.environ:
        extensions = "declared"
    interp = Interpreter(_interpreters.create(with_extensions(config, extensions)), _ownsref=True)
    # Linked only now that we hold a reference: a list_all() in another thread may have made, and
    # dropped, an object for the interpreter in between.
    _interpreters.incref(interp.id, implieslink=True)
    _interpreters.decref(interp.id)
    return interp


def list_all() -> list[Interpreter]:
    """Return all interpreters of the process, in order of creation, the main one first."""
    found = []
    for id, whence in _interpreters.list_all(require_ready=True):
        try:
            found.append(Interpreter(id, _whence=whence))
        except InterpreterNotFoundError:
            pass  # closed in between
    return found


def get_current() -> Interpreter:
    """Return the interpreter that the caller runs in."""
    id, whence = _interpreters.get_current()
    return Interpreter(id, _whence=whence)


def get_main() -> Interpreter:
    """Return the main interpreter."""
    id, whence = _interpreters.get_main()
    return Interpreter(id, _whence=whence)


def _present_as(name: str) -> None:
    """Let the public classes name the module they are imported from (for tracebacks, pickle)."""
    for public in (
        ExecutionFailed,
        Interpreter,
        InterpreterError,
        InterpreterNotFoundError,
        NotShareableError,
    ):
        public.__module__ = name
    _queues._present_as(f"{name}._queues")


# What arrives from elsewhere may be what imports this module, under its own name.
if installed():
    _present_as("concurrent.interpreters")
