"""Channels between interpreters: the API of PEP 554, as CPython's ``test.support.channels`` has it.

::

    from atoll import pep554

    receiver, sender = pep554.create()
    sender.send_nowait("hello")
    print(receiver.recv(timeout=0.5))

Not to be taken for :func:`atoll.channel`, whose channels are those of CSP and Go, and faster.

Unlike a queue, a channel has two ends, knows which interpreters use them, and is closed when none
does.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from atoll.interpreters import _crossinterp
from atoll.interpreters._crossinterp import UNBOUND_ERROR, UNBOUND_KEEP, UNBOUND_REMOVE
from atoll.lowlevel import channels as _channels
from atoll.lowlevel.channels import (
    ChannelClosedError,
    ChannelEmptyError,
    ChannelError,
    ChannelID,
    ChannelInfo,
    ChannelNotEmptyError,
    ChannelNotFoundError,
)

__all__ = [
    "UNBOUND",
    "UNBOUND_ERROR",
    "UNBOUND_KEEP",
    "UNBOUND_REMOVE",
    "ChannelClosedError",
    "ChannelEmptyError",
    "ChannelError",
    "ChannelNotEmptyError",
    "ChannelNotFoundError",
    "ItemInterpreterDestroyed",
    "RecvChannel",
    "SendChannel",
    "create",
    "list_all",
]


class ItemInterpreterDestroyed(ChannelError, _crossinterp.ItemInterpreterDestroyed):
    """The interpreter that sent the item has ended, and the item was sent with UNBOUND_ERROR."""


#: What is received in place of an item whose sender's interpreter has ended.
UNBOUND = _crossinterp.UnboundItem.singleton("channel", __name__)


def _flag_of(unbounditems: object) -> int:
    """The low-level flag; None stands for the channel's default."""
    if unbounditems is None:
        return -1
    if unbounditems is UNBOUND:
        unbounditems = _crossinterp.UNBOUND
    (flag,) = _crossinterp.serialize_unbound(unbounditems)
    return flag


def _received(pair: tuple[Any, int | None]) -> Any:
    obj, flag = pair
    if flag is None:
        return obj
    _crossinterp.resolve_unbound(flag, ItemInterpreterDestroyed)
    return UNBOUND


class _End:
    """One end of a channel. Any number of objects may stand for the same end; they are equal."""

    __slots__ = ("_id",)

    #: The keyword that selects the end.
    _end: ClassVar[str]
    _id: ChannelID

    def __new__(cls, cid: ChannelID | int) -> Self:
        self = super().__new__(cls)
        self._id = _channels._channel_id(cid, force=True, **{cls._end: True})
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={int(self._id)})"

    def __hash__(self) -> int:
        return hash(self._id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _End) or self._end != other._end:
            return NotImplemented
        return self._id == other._id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (int(self._id),)

    @property
    def id(self) -> ChannelID:
        """The ChannelID of this end."""
        return self._id

    @property
    def _info(self) -> ChannelInfo:
        return _channels.get_info(self._id)


class RecvChannel(_End):
    """The receiving end of a channel."""

    __slots__ = ()
    _end = "recv"

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be received."""
        return self._info.closed

    def recv(self, timeout: float | None = None) -> Any:
        """Return the next object, waiting for it if need be.

        Raises TimeoutError after ``timeout`` seconds (None: waits as long as it takes), and
        ChannelClosedError. For an item whose sender's interpreter has ended it returns UNBOUND or
        raises ItemInterpreterDestroyed, as its sender asked.
        """
        return _received(_channels._recv_blocking(self._id, timeout))

    def recv_nowait(self, *default: Any) -> Any:
        """Return the next object, or ``default``; without a default, raise ChannelEmptyError."""
        return _received(_channels.recv(self._id, *default))

    def close(self) -> None:
        """Close the channel, for all interpreters. ChannelNotEmptyError if there are items left."""
        _channels.close(self._id, recv=True)


class SendChannel(_End):
    """The sending end of a channel."""

    __slots__ = ()
    _end = "send"

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be sent."""
        info = self._info
        return info.closed or info.closing

    @property
    def unbounditems(self) -> Any:
        """What becomes, by default, of items whose sender's interpreter ends."""
        flag, _ = _channels.get_channel_defaults(self._id)
        constant = _crossinterp.constant_of(flag)
        return UNBOUND if constant is _crossinterp.UNBOUND else constant

    def send(self, obj: object, timeout: float | None = None, *, unbounditems: Any = None) -> None:
        """Send a copy of the object and wait until it was received.

        Raises TimeoutError after ``timeout`` seconds (None: waits as long as it takes), and
        ChannelClosedError; the object is taken back then. ``unbounditems`` says what becomes of it
        if this interpreter ends first: UNBOUND, UNBOUND_ERROR, UNBOUND_REMOVE or UNBOUND_KEEP.
        """
        _channels.send(self._id, obj, _flag_of(unbounditems), timeout=timeout, blocking=True)

    def send_nowait(self, obj: object, *, unbounditems: Any = None) -> None:
        """Send a copy of the object and do not wait for its reception."""
        _channels.send(self._id, obj, _flag_of(unbounditems), blocking=False)

    def send_buffer(
        self, obj: object, timeout: float | None = None, *, unbounditems: Any = None
    ) -> None:
        """:meth:`send` for the memory behind the object: the receiver gets a memoryview of it."""
        _channels.send_buffer(self._id, obj, _flag_of(unbounditems), timeout=timeout, blocking=True)

    def send_buffer_nowait(self, obj: object, *, unbounditems: Any = None) -> None:
        """:meth:`send_buffer` that does not wait for the reception."""
        _channels.send_buffer(self._id, obj, _flag_of(unbounditems), blocking=False)

    def close(self) -> None:
        """Close the sending end, for all interpreters. What was sent can still be received."""
        _channels.close(self._id, send=True)


def create(*, unbounditems: Any = UNBOUND) -> tuple[RecvChannel, SendChannel]:
    """Create a channel and return its two ends.

    ``unbounditems`` is the default for items whose sender's interpreter ends before they are
    received; see :meth:`SendChannel.send`.
    """
    cid = _channels.create(_flag_of(unbounditems), -1)
    return RecvChannel(cid), SendChannel(cid)


def list_all() -> list[tuple[RecvChannel, SendChannel]]:
    """Return the ends of all channels of the process that are not closed."""
    return [(RecvChannel(cid), SendChannel(cid)) for cid, _, _ in _channels.list_all()]


_channels._register_end_types(SendChannel, RecvChannel)
