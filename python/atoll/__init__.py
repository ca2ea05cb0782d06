"""Many isolated Python interpreters in one process.

Each interpreter has its own GIL, its own modules and its own ``__main__``, so Python code runs on
all cores without processes::

    from atoll import interpreters

    interp = interpreters.create()
    interp.exec("print('hello from', __name__)")
    print(interp.call(pow, 2, 100))
    interp.close()

``atoll.interpreters`` has the API of the standard library's ``concurrent.interpreters`` (PEP 734)
on CPython 3.12 to 3.15. :func:`install` puts it in the place of the standard one.

:class:`Pool` carries out tasks on all cores; :func:`map` and :func:`run` use a default one.
:func:`channel`, :func:`select`, :func:`after` and :func:`ticker` connect interpreters and threads
the way CSP and Go do.

:class:`SharedBuffer` and :class:`SharedArray` are memory that all interpreters see without a copy.
"""

import sys
from importlib import import_module

if "t" in getattr(sys, "abiflags", ""):
    raise ImportError(
        "atoll runs interpreters with a GIL each, and this is a free-threaded CPython "
        f"({sys.executable}), whose threads use all cores by themselves: use "
        "concurrent.futures.ThreadPoolExecutor here, or run a standard build for atoll"
    )

from atoll._install import install, installed, uninstall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from atoll._atoll import (
        Closed,
        Receiver,
        Selected,
        Sender,
        SharedArray,
        SharedBuffer,
        TaskInterrupted,
        TaskTimedOut,
        WouldBlock,
        after,
        channel,
        register,
        select,
        ticker,
        unregister,
    )
    from atoll._pool import (
        BrokenInterpreterPool,
        Future,
        Pool,
        PoolStats,
        TaskOptions,
        default_pool,
        map,
        run,
        shutdown,
    )

__version__ = "0.1.0"

__all__ = [
    "BrokenInterpreterPool",
    "Closed",
    "Future",
    "Pool",
    "PoolStats",
    "Receiver",
    "Selected",
    "Sender",
    "SharedArray",
    "SharedBuffer",
    "TaskInterrupted",
    "TaskOptions",
    "TaskTimedOut",
    "WouldBlock",
    "__version__",
    "after",
    "channel",
    "default_pool",
    "install",
    "installed",
    "map",
    "register",
    "run",
    "select",
    "shutdown",
    "ticker",
    "uninstall",
    "unregister",
]

#: These bring `concurrent.futures` along.
_POOL = {
    *("BrokenInterpreterPool", "Future", "Pool", "PoolStats", "TaskOptions"),
    *("default_pool", "map", "run", "shutdown"),
}
_SUBMODULES = {"channels", "futures", "interpreters", "lowlevel", "pep554"}


def __getattr__(name: str) -> object:
    # The native half is loaded when it is first used: `import atoll` runs in every interpreter that
    # starts with atoll installed.
    if name in __all__:
        module = import_module("atoll._pool" if name in _POOL else "atoll._atoll")
        value: object = getattr(module, name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return import_module(f"atoll.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
