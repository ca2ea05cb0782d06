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

:func:`channel`, :func:`select`, :func:`after` and :func:`ticker` connect interpreters and threads
the way CSP and Go do.
"""

from atoll._install import install, installed, uninstall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from atoll._atoll import (
        Closed,
        Receiver,
        Selected,
        Sender,
        WouldBlock,
        after,
        channel,
        select,
        ticker,
    )

__version__ = "0.1.0"

__all__ = [
    "Closed",
    "Receiver",
    "Selected",
    "Sender",
    "WouldBlock",
    "__version__",
    "after",
    "channel",
    "install",
    "installed",
    "select",
    "ticker",
    "uninstall",
]


def __getattr__(name: str) -> object:
    # The native half is loaded when it is first used: `import atoll` runs in every interpreter that
    # starts with atoll installed.
    if name in __all__:
        from atoll import _atoll

        value: object = getattr(_atoll, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
