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
    module = import_module(REDIRECTIONS[name])
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)


def install(*, extensions: str | None = None) -> None:
    """Put atoll's modules in the place of the standard library's.

    ``concurrent.interpreters``, ``_interpreters`` and ``concurrent.futures``'
    InterpreterPoolExecutor are atoll's from now on, in this interpreter,
    in every interpreter that atoll creates, and in child processes whose Python has atoll installed
    (they learn of it by the environment variable ``ATOLL_INSTALL``). Modules that hold objects of
    the standard ones keep them: call this first. Calling it again only puts atoll back before
    finders of modules that were added since.

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
    for name, ours in REDIRECTIONS.items():
        if sys.modules.get(name) is not None:
            _put_in_place(name)
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

    Interpreters that exist already keep what they have.
    """
    if not installed():
        return
    from atoll import _atoll

    sys.meta_path.remove(_redirect)
    for name, ours in REDIRECTIONS.items():
        _present(ours, ours)
        module = sys.modules.get(name)
        if module is None or module is not sys.modules.get(ours):
            continue
        del sys.modules[name]
        parent, _, child = name.rpartition(".")
        if getattr(sys.modules.get(parent), child, None) is module:
            delattr(sys.modules[parent], child)
    _atoll._set_bootstrap("")
    os.environ.pop(ENVIRONMENT, None)
