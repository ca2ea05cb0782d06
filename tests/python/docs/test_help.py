"""help() of all that is public: meaning and signature."""

import inspect
import pkgutil
import pydoc
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import atoll


def public_modules() -> Iterator[str]:
    yield "atoll"
    for module in pkgutil.walk_packages(atoll.__path__, "atoll."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            yield module.name


def unwrapped(value: Any) -> Any:
    if isinstance(value, classmethod | staticmethod):
        return value.__func__
    return value.fget if isinstance(value, property) else value


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """What a class has, but for what comes from built-in types."""
    for name in dir(cls):
        if not name.startswith("_"):
            home = next((each for each in cls.__mro__ if name in vars(each)), None)
            if home is not None and home.__module__ != "builtins":
                yield name, unwrapped(vars(home)[name])


def has_signature(value: Any) -> bool:
    try:
        inspect.signature(value)
    except ValueError:
        # Exceptions that take what Exception takes have none, as in the standard library.
        return inspect.isclass(value) and issubclass(value, Exception | BaseException)
    return True


def faults(path: str, value: Any) -> Iterator[str]:
    described = callable(value) or inspect.isdatadescriptor(value)
    if described and not inspect.getdoc(value):
        yield f"{path}: no docstring"
    if callable(value) and not has_signature(value):
        yield f"{path}: no signature"
    if inspect.isclass(value):
        for name, member in members(value):
            yield from faults(f"{path}.{name}", member)


@pytest.mark.parametrize("module_name", sorted(public_modules()))
def test_every_public_name_says_what_it_is(module_name: str) -> None:
    module = import_module(module_name)
    assert module.__doc__
    found: list[str] = []
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        found += faults(f"{module_name}.{name}", value)
        assert isinstance(value, str) or pydoc.render_doc(value)
    assert not found


def test_signatures_of_what_takes_anything() -> None:
    assert str(inspect.signature(atoll.select)) == (
        "(*cases, timeout=None, default=Ellipsis, order='random')"
    )
    assert inspect.signature(atoll.futures.InterpreterPoolExecutor.BROKEN)
