"""What queues and channels share: the fate of items whose sender's interpreter has ended."""

from __future__ import annotations

from typing import Any, NoReturn, Self

__all__ = [
    "UNBOUND",
    "UNBOUND_ERROR",
    "UNBOUND_KEEP",
    "UNBOUND_REMOVE",
    "ItemInterpreterDestroyed",
    "UnboundItem",
    "resolve_unbound",
    "serialize_unbound",
]


class ItemInterpreterDestroyed(Exception):
    """The interpreter that sent the item has ended, and its sender asked for an error then."""


class UnboundItem:
    """Stands for an item whose sender's interpreter has ended.

    There is one object per kind of container, and no way to make another.
    """

    __slots__ = ()

    _MODULE = __name__
    _NAME = "UNBOUND"

    @classmethod
    def singleton(cls, kind: str, module: str, name: str = "UNBOUND") -> UnboundItem:
        """Return the object for one kind of container, found in ``module`` as ``name``."""
        members = {"__slots__": (), "__doc__": cls.__doc__, "_MODULE": module, "_NAME": name}
        return object.__new__(type(f"Unbound{kind.capitalize()}Item", (cls,), members))

    def __new__(cls) -> Self:
        raise TypeError(f"there is no other than {cls._MODULE}.{cls._NAME}")

    def __repr__(self) -> str:
        return f"{self._MODULE}.{self._NAME}"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {self!r}")


class _Constant:
    """A name that is told by identity."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> str:
        return self._name


#: The receiver gets the container's own ``UNBOUND`` in place of the item.
UNBOUND: UnboundItem = object.__new__(UnboundItem)
#: The receiver gets ItemInterpreterDestroyed.
UNBOUND_ERROR = _Constant("UNBOUND_ERROR")
#: The item vanishes together with its sender's interpreter.
UNBOUND_REMOVE = _Constant("UNBOUND_REMOVE")
#: The item stays as it is. atoll's own: no item of atoll refers to its sender's interpreter.
UNBOUND_KEEP = _Constant("UNBOUND_KEEP")

_UNBOUND_CONSTANT_TO_FLAG: dict[object, int] = {
    UNBOUND_KEEP: 0,
    UNBOUND_REMOVE: 1,
    UNBOUND_ERROR: 2,
    UNBOUND: 3,
}
_UNBOUND_FLAG_TO_CONSTANT = {flag: constant for constant, flag in _UNBOUND_CONSTANT_TO_FLAG.items()}


def serialize_unbound(unbound: object) -> tuple[int]:
    """Return what the low-level modules call the constant, in a tuple."""
    try:
        return (_UNBOUND_CONSTANT_TO_FLAG[unbound],)
    except (KeyError, TypeError):
        raise NotImplementedError(f"unsupported unbound replacement op {unbound!r}") from None


def constant_of(flag: int) -> Any:
    """Return the constant that the low-level modules call ``flag``."""
    try:
        return _UNBOUND_FLAG_TO_CONSTANT[flag]
    except KeyError:
        raise NotImplementedError(f"unsupported unbound replacement op {flag!r}") from None


def resolve_unbound(flag: int, exctype_destroyed: type[BaseException]) -> UnboundItem:
    """Return ``UNBOUND``, or raise, as the flag of an unbound item asks."""
    if flag == _UNBOUND_CONSTANT_TO_FLAG[UNBOUND]:
        return UNBOUND
    constant = constant_of(flag)
    if constant is UNBOUND_ERROR:
        raise exctype_destroyed("item's original interpreter destroyed")
    raise NotImplementedError(f"{constant!r} leaves no unbound item")
