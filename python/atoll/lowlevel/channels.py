"""Channels by id: the functions of CPython 3.14's ``_interpchannels``.

``cid`` is a ChannelID or the number of a channel: TypeError for other types, ValueError if
negative, ChannelNotFoundError if there is no such channel (any more). A channel lives as long as
some ChannelID of it does, in any interpreter or on its way to one.

``unboundop`` means what it means in :mod:`atoll.lowlevel.queues`.
"""

from atoll._atoll import (
    ChannelClosedError,
    ChannelEmptyError,
    ChannelError,
    ChannelID,
    ChannelInfo,
    ChannelNotEmptyError,
    ChannelNotFoundError,
)
from atoll._atoll import channels as _native

_channel_id = _native._channel_id
_recv_blocking = _native._recv_blocking
_register_end_types = _native._register_end_types
close = _native.close
create = _native.create
destroy = _native.destroy
get_channel_defaults = _native.get_channel_defaults
get_count = _native.get_count
get_info = _native.get_info
list_all = _native.list_all
list_interpreters = _native.list_interpreters
recv = _native.recv
release = _native.release
send = _native.send
send_buffer = _native.send_buffer

__all__ = [
    "ChannelClosedError",
    "ChannelEmptyError",
    "ChannelError",
    "ChannelID",
    "ChannelInfo",
    "ChannelNotEmptyError",
    "ChannelNotFoundError",
    "close",
    "create",
    "destroy",
    "get_channel_defaults",
    "get_count",
    "get_info",
    "list_all",
    "list_interpreters",
    "recv",
    "release",
    "send",
    "send_buffer",
]
