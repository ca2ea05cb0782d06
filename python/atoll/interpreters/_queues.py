"""Queues between interpreters: ``create_queue`` and ``Queue`` of :mod:`atoll.interpreters`.

::

    from atoll import interpreters

    queue = interpreters.create_queue(maxsize=100)
    queue.put({"any": "object"})
    print(queue.get(timeout=0.5))
"""

from __future__ import annotations

import operator
import queue as _queue
import time
import weakref
from typing import Any, Self

from atoll import _atoll
from atoll.interpreters import _crossinterp
from atoll.interpreters._crossinterp import UNBOUND_ERROR, UNBOUND_KEEP, UNBOUND_REMOVE
from atoll.lowlevel import queues as _queues
from atoll.lowlevel.queues import QueueError, QueueNotFoundError

__all__ = [
    "UNBOUND",
    "UNBOUND_ERROR",
    "UNBOUND_KEEP",
    "UNBOUND_REMOVE",
    "ItemInterpreterDestroyed",
    "Queue",
    "QueueEmpty",
    "QueueError",
    "QueueFull",
    "QueueNotFoundError",
    "create",
    "list_all",
]


class QueueEmpty(QueueError, _queue.Empty):
    """There is nothing to get, or there was nothing for the length of the timeout."""


class QueueFull(QueueError, _queue.Full):
    """There is no room to put anything, or there was none for the length of the timeout."""


class ItemInterpreterDestroyed(QueueError, _crossinterp.ItemInterpreterDestroyed):
    """The interpreter that put the item has ended, and the item was put with UNBOUND_ERROR."""


#: What get() returns for an item whose sender's interpreter has ended.
UNBOUND = _crossinterp.UnboundItem.singleton("queue", __name__)

#: One object per queue: identity is equality.
_objects: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


class Queue(_atoll.Queue):
    """A queue between interpreters, by its id: first in, first out, for any number of users.

    Use :func:`create_queue` to make a new one. The queue lives as long as some interpreter has an
    object for it, or one is on its way. Objects arrive as copies; a memoryview shares its memory,
    and a Queue stays the same queue. Safe to use from any thread.
    """

    __slots__ = ()

    def __new__(cls, id: int, /) -> Self:
        id = operator.index(id)
        known = _objects.get(id)
        if type(known) is not cls:
            known = _objects.setdefault(id, super().__new__(cls, id))
        return known

    @property
    def unbounditems(self) -> Any:
        """What becomes, by default, of items whose sender's interpreter ends."""
        constant = _crossinterp.constant_of(self._default_flag)
        return UNBOUND if constant is _crossinterp.UNBOUND else constant

    # What the native methods ask for, in their rare cases.

    @staticmethod
    def _monotonic() -> float:
        return time.monotonic()

    @staticmethod
    def _unbound_flag(unbounditems: object) -> int:
        if unbounditems is UNBOUND:
            unbounditems = _crossinterp.UNBOUND
        (flag,) = _crossinterp.serialize_unbound(unbounditems)
        return flag

    @staticmethod
    def _resolve_unbound(flag: int) -> Any:
        _crossinterp.resolve_unbound(flag, ItemInterpreterDestroyed)
        return UNBOUND


def create(maxsize: int = 0, *, unbounditems: Any = UNBOUND) -> Queue:
    """Create a queue for at most ``maxsize`` items, or without a limit if that is not positive.

    ``unbounditems`` is the default for items whose sender's interpreter ends before they are taken:
    ``UNBOUND`` (they are replaced by UNBOUND), ``UNBOUND_ERROR`` (getting one raises
    ItemInterpreterDestroyed), ``UNBOUND_REMOVE`` (they vanish), or ``UNBOUND_KEEP`` (nothing
    happens).
    """
    return Queue(_queues.create(maxsize, Queue._unbound_flag(unbounditems), -1))


def list_all() -> list[Queue]:
    """Return all queues of the process."""
    found = []
    for id, _, _ in _queues.list_all():
        try:
            found.append(Queue(id))
        except QueueNotFoundError:
            pass  # gone in between
    return found


_queues._register_heap_types(Queue, QueueEmpty, QueueFull)


def _present_as(name: str) -> None:
    """Let the public classes name the module that they are imported from."""
    for public in (Queue, QueueEmpty, QueueFull, ItemInterpreterDestroyed):
        public.__module__ = name
    type(UNBOUND)._MODULE = name
    globals()["_presented_name"] = name


# A reloaded module goes on under the name that it was imported by.
_present_as(globals().get("_presented_name", __name__))
