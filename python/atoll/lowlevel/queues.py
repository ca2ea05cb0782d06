"""Queues by id: the functions of CPython 3.14's ``_interpqueues``.

An id is a non-negative int: TypeError for other types, ValueError if negative, QueueNotFoundError
if there is no such queue (any more). Nothing here waits; see :mod:`atoll.interpreters` for queues
that do.

``unboundop`` says what becomes of an item whose sender's interpreter ends: 1 it is removed,
2 receiving it is an error, 3 it is replaced, and, atoll's own, 0 it stays as it is; -1 is the
queue's default.
"""

from atoll._atoll import QueueError, QueueNotFoundError
from atoll._atoll import queues as _native

_register_heap_types = _native._register_heap_types
bind = _native.bind
create = _native.create
destroy = _native.destroy
get = _native.get
get_count = _native.get_count
get_maxsize = _native.get_maxsize
get_queue_defaults = _native.get_queue_defaults
is_full = _native.is_full
list_all = _native.list_all
put = _native.put
release = _native.release

__all__ = [
    "QueueError",
    "QueueNotFoundError",
    "bind",
    "create",
    "destroy",
    "get",
    "get_count",
    "get_maxsize",
    "get_queue_defaults",
    "is_full",
    "list_all",
    "put",
    "release",
]
