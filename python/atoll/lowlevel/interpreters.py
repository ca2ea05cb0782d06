"""Interpreters by id: the functions of CPython 3.14's ``_interpreters``.

An id is a non-negative int: TypeError for other types, ValueError if negative,
InterpreterNotFoundError if no such interpreter is alive. With ``restrict=True`` a function refuses
interpreters that atoll did not create (InterpreterError "unrecognized").
"""

from atoll._atoll import (
    InterpreterError,
    InterpreterNotFoundError,
    NotShareableError,
)
from atoll._atoll import interpreters as _native

#: Who made an interpreter.
WHENCE_UNKNOWN = 0
WHENCE_RUNTIME = 1
WHENCE_LEGACY_CAPI = 2
WHENCE_CAPI = 3
WHENCE_XI = 4
WHENCE_STDLIB = 5

call = _native.call
capture_exception = _native.capture_exception
create = _native.create
decref = _native.decref
destroy = _native.destroy
exec = _native.exec
get_config = _native.get_config
get_current = _native.get_current
get_main = _native.get_main
incref = _native.incref
is_running = _native.is_running
is_shareable = _native.is_shareable
list_all = _native.list_all
new_config = _native.new_config
run_func = _native.run_func
run_string = _native.run_string
set___main___attrs = _native.set___main___attrs
whence = _native.whence

__all__ = [
    "WHENCE_CAPI",
    "WHENCE_LEGACY_CAPI",
    "WHENCE_RUNTIME",
    "WHENCE_STDLIB",
    "WHENCE_UNKNOWN",
    "WHENCE_XI",
    "InterpreterError",
    "InterpreterNotFoundError",
    "NotShareableError",
    "call",
    "capture_exception",
    "create",
    "decref",
    "destroy",
    "exec",
    "get_config",
    "get_current",
    "get_main",
    "incref",
    "is_running",
    "is_shareable",
    "list_all",
    "new_config",
    "run_func",
    "run_string",
    "set___main___attrs",
    "whence",
]
