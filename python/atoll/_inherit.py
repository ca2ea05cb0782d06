"""What the interpreters of a pool take over from the one that made it.

CPython itself hands on what the command line said (``-W``, ``-X``). The rest is copied when the
pool is made, as processes that fork have it.
"""

from __future__ import annotations

import sys
import warnings

TYPE_CHECKING = False  # of typing, which is slow to import: this runs in each worker
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

KINDS = ("warnings", "logging")

#: Where neither the command line nor the program has said anything.
_ORDINARY = [
    ("default", None, DeprecationWarning, "__main__", 0),
    *(
        ("ignore", None, category, None, 0)
        for category in (
            *(DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning),
        )
    ),
]

#: A class by the name of its module and its own, or itself if it is the script's.
type _Category = tuple[str, str] | type[Warning]
type _Pattern = str | tuple[str, int] | None
type _Filter = tuple[str, _Pattern, _Category, _Pattern, int]


def set_up(inherit: str | Iterable[str]) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return the calls that an interpreter makes to inherit the named kinds. ValueError."""
    names = inherit.split(",") if isinstance(inherit, str) else inherit
    kinds = {name.strip() for name in names} - {""}
    if unknown := sorted(kinds.difference(KINDS)):
        raise ValueError(f"inherit may name {', '.join(KINDS)}, not {unknown[0]!r}")
    calls: list[tuple[Any, tuple[Any, ...]]] = []
    if "warnings" in kinds and (sys.warnoptions or warnings.filters != _ORDINARY):
        calls.append((apply_filters, (tuple(_pack(*each) for each in warnings.filters),)))
    if "logging" in kinds:
        calls.append((apply_levels, _levels()))
    return calls


def _pack(action: str, message: Any, category: Any, module: Any, line: int) -> _Filter:
    name: _Category = (category.__module__, category.__qualname__)
    if category.__module__ == "__main__":
        name = category
    return action, _text_of(message), name, _text_of(module), line


def _text_of(pattern: Any) -> _Pattern:
    # One that CPython has made itself is a str, which is compared.
    return (
        pattern if pattern is None or isinstance(pattern, str) else (pattern.pattern, pattern.flags)
    )


def apply_filters(filters: tuple[_Filter, ...]) -> None:
    """Replace the filters of this interpreter, but for classes of modules it has not loaded."""
    unpacked = []
    for action, message, name, module, line in filters:
        category = name
        if isinstance(name, tuple):
            category = sys.modules.get(name[0])  # type: ignore[assignment]
            for part in name[1].split("."):
                category = getattr(category, part, None)  # type: ignore[assignment]
        if isinstance(category, type):
            unpacked.append((action, _compiled(message), category, _compiled(module), line))
    warnings.filters[:] = unpacked  # type: ignore[index]
    with warnings.catch_warnings():
        pass  # tells the module that they have changed


def _compiled(pattern: _Pattern) -> Any:
    if not isinstance(pattern, tuple):
        return pattern
    import re

    return re.compile(*pattern)


def _levels() -> tuple[dict[str, int], int]:
    import logging

    levels = {"": logging.root.level}
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and logger.level != logging.NOTSET:
            levels[name] = logger.level
    return levels, logging.root.manager.disable


def apply_levels(levels: dict[str, int], disabled: int) -> None:
    """Set the levels of loggers; ``""`` is the root logger."""
    import logging

    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.disable(disabled)
