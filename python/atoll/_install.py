"""Putting atoll's modules in the place of the standard library's.

The names are redirected, not copied: ``concurrent.interpreters`` *is* ``atoll.interpreters``
afterwards, imported when somebody asks for it. Nothing but this module is loaded before that.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Standard name -> atoll's module. All of them or none: CPython's own modules look each other up in
#: ``sys.modules``, and a mixture of theirs and ours does not work.
REDIRECTIONS = {
    "_interpreters": "atoll.lowlevel.interpreters",
    "_interpqueues": "atoll.lowlevel.queues",
    "_interpchannels": "atoll.lowlevel.channels",
    "concurrent.interpreters": "atoll.interpreters",
    "concurrent.interpreters._crossinterp": "atoll.interpreters._crossinterp",
    "concurrent.interpreters._queues": "atoll.interpreters._queues",
    "concurrent.futures.interpreter": "atoll._standard_futures",
}

#: Tells child processes (through ``atoll.pth``, which every site-packages that has atoll also has)
#: that the parent had atoll installed.
ENVIRONMENT = "ATOLL_INSTALL"

#: What every new interpreter runs. It may lack atoll on its path (``-S``, a changed ``sys.path``);
#: that must not keep it from being created.
_BOOTSTRAP = """
try:
    import atoll
except ImportError:
    pass
else:
    atoll.install()
"""


class _Redirect:
    """Finder and loader in one: answers for the names in REDIRECTIONS."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in REDIRECTIONS:
            return ModuleSpec(name, self, origin=REDIRECTIONS[name])  # type: ignore[arg-type]
        if name == "concurrent.futures" and _futures_lacks_executor:
            return _futures_spec(path)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # The import system returns what stands in sys.modules when the loader is done.
        _put_in_place(module.__name__)


_redirect = _Redirect()

# CPython's `concurrent.futures` knows InterpreterPoolExecutor from 3.14 on. Before that the name is
# added to the module when it has been imported: to its own __getattr__, so that it stays lazy.

_futures_lacks_executor = sys.version_info < (3, 14)


def _futures_spec(path: Sequence[str] | None) -> ModuleSpec | None:
    spec = PathFinder.find_spec("concurrent.futures", path)
    if spec is not None and spec.loader is not None:
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _add_executor(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
    return spec


def _add_executor(futures: ModuleType) -> None:
    standard = futures.__getattr__
    if standard.__module__ == __name__:
        return  # from an earlier install()

    def get(name: str) -> object:
        if name == "InterpreterPoolExecutor" and installed():
            return import_module("concurrent.futures.interpreter").InterpreterPoolExecutor
        return standard(name)

    futures.__getattr__ = get  # type: ignore[method-assign]


def _put_in_place(name: str) -> None:
    _bind(name, import_module(REDIRECTIONS[name]))


def _bind(name: str, module: ModuleType | None) -> None:
    """Make `name` that module, everywhere where it is looked up; None: as if it was not loaded."""
    parent, _, child = name.rpartition(".")
    holder = sys.modules.get(parent)
    if module is not None:
        sys.modules[name] = module
        if holder is not None:
            setattr(holder, child, module)
    else:
        gone = sys.modules.pop(name, None)
        if holder is not None and getattr(holder, child, None) is gone:
            delattr(holder, child)


#: The standard modules that were loaded when install() came, by name.
_replaced: dict[str, ModuleType] = {}


def _update_futures() -> None:
    """What ``concurrent.futures`` has of the modules becomes what they are now."""
    futures = sys.modules.get("concurrent.futures")
    for key, name in (
        ("_interpreters", "_interpreters"),
        ("InterpreterPoolExecutor", "concurrent.futures.interpreter"),
    ):
        value = getattr(futures, "__dict__", {}).get(key)
        # Nothing to do if there is no such module, or before the name is used.
        if isinstance(value, ModuleType):
            setattr(futures, key, import_module(name))
        elif isinstance(value, type):
            setattr(futures, key, getattr(import_module(name), key))


def _too_early(*args: object, **kwargs: object) -> None:
    raise RuntimeError(
        "this is the standard library's InterpreterPoolExecutor, which was imported before "
        "atoll.install() and cannot work after it: import it afterwards"
    )


class _Refusal:
    """The standard executor's class, which others may still hold, says why it does not work.

    Its workers find what they run by the names of modules, which are atoll's now.
    """

    def __init__(self, module: ModuleType) -> None:
        executor, worker = module.InterpreterPoolExecutor, module.WorkerContext
        self._undo = [
            (cls, name, vars(cls)[name])
            for cls, name in ((executor, "__init__"), (worker, "initialize"), (worker, "run"))
        ]
        for cls, name, _ in self._undo:
            setattr(cls, name, _too_early)

    def undo(self) -> None:
        for cls, name, value in self._undo:
            setattr(cls, name, value)


_refusal: _Refusal | None = None


def _replace_loaded() -> None:
    """Put ours in the place of standard modules that are loaded, and keep these for later."""
    global _refusal
    for name in REDIRECTIONS:
        standard = sys.modules.get(name)
        if standard is not None:
            _replaced[name] = standard
            _put_in_place(name)
    _update_futures()
    executors = _replaced.get("concurrent.futures.interpreter")
    if executors is not None:
        _refusal = _Refusal(executors)


def _restore() -> None:
    """Take back what _replace_loaded() and imports since have put in place."""
    global _refusal
    for name, ours in REDIRECTIONS.items():
        _present(ours, ours)
        module = sys.modules.get(name)
        standard = _replaced.pop(name, None)
        if module is None or module is not sys.modules.get(ours):
            continue
        _bind(name, standard)
    _update_futures()
    if _refusal is not None:
        _refusal.undo()
        _refusal = None


def install(*, extensions: str | None = None) -> None:
    """Put atoll's modules in the place of the standard library's.

    ``concurrent.interpreters``, ``_interpreters`` and ``concurrent.futures``'
    InterpreterPoolExecutor are atoll's from now on, in this interpreter,
    in every interpreter that atoll creates, and in child processes whose Python has atoll installed
    (they learn of it by the environment variable ``ATOLL_INSTALL``). Standard modules that are
    loaded are replaced, also in ``concurrent.futures``. Who has taken names out of them keeps
    these: call this first. The standard InterpreterPoolExecutor, so kept, raises RuntimeError.
    Calling it again only puts atoll back before finders of modules that were added since.

    ``extensions`` becomes what interpreters do with extension modules wherever nothing else is
    said, here and in child processes: ``'auto'``, ``'private'`` or ``'declared'``, see
    :func:`atoll.interpreters.create`. Without it ``concurrent.interpreters.create()`` refuses them
    as CPython does. ValueError for another value.
    """
    if extensions is not None:
        from atoll._config import with_extensions

        with_extensions(None, extensions)
        os.environ["ATOLL_EXTENSIONS"] = extensions
    if installed():
        sys.meta_path.remove(_redirect)
        sys.meta_path.insert(0, _redirect)
        return
    from atoll import _atoll

    sys.meta_path.insert(0, _redirect)
    _replace_loaded()
    for name, ours in REDIRECTIONS.items():
        _present(ours, name)
    if _futures_lacks_executor and "concurrent.futures" in sys.modules:
        _add_executor(sys.modules["concurrent.futures"])
    _atoll._set_bootstrap(_BOOTSTRAP)
    os.environ[ENVIRONMENT] = "1"


def _present(ours: str, name: str) -> None:
    """Let the classes of our module, if it is loaded, say that they are from `name`."""
    present_as = getattr(sys.modules.get(ours), "_present_as", None)
    if present_as is not None:
        present_as(name)


def installed() -> bool:
    """Return whether :func:`install` is in effect in the calling interpreter."""
    return _redirect in sys.meta_path


def uninstall() -> None:
    """Undo :func:`install` in the calling interpreter, for interpreters and processes to come.

    Standard modules that :func:`install` has replaced are back, the same objects as before.
    Interpreters that exist already keep what they have.
    """
    if not installed():
        return
    from atoll import _atoll

    sys.meta_path.remove(_redirect)
    _restore()
    _atoll._set_bootstrap("")
    os.environ.pop(ENVIRONMENT, None)
