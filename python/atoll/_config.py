"""Configurations of interpreters, with what they do with extension modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atoll.lowlevel import interpreters as _interpreters

if TYPE_CHECKING:
    from types import SimpleNamespace


def with_extensions(
    config: str | SimpleNamespace | None, extensions: str | None
) -> str | SimpleNamespace | None:
    """Return a configuration that says what it does with extension modules.

    ``extensions`` None: atoll's default, or what a configuration object says. ValueError for an
    unknown value.
    """
    if config is None or isinstance(config, str):
        return _interpreters.new_config(config or "isolated", extensions=extensions)
    if extensions is None:
        return config
    return _interpreters.new_config("empty", **dict(vars(config), extensions=extensions))
