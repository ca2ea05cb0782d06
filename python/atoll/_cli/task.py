"""The worker's side of ``atoll map``: one input through the function, the result as JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: The function, once it is found. A worker serves one command line.
_function: Callable[[Any], Any] | None = None


def call(module: str, name: str, value: Any) -> tuple[str | None, str]:
    """Return the result as one line of JSON, or None and why there is no such function.

    What the function raises is raised; TypeError or ValueError if JSON cannot express its result.
    """
    global _function
    if _function is None:
        try:
            found: Any = import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception as error:
            return None, f"{type(error).__name__}: {error}"
        if not callable(found):
            return None, f"TypeError: {module}:{name} is not callable"
        _function = found
    return json.dumps(_function(value), ensure_ascii=False), ""


def describe(error: BaseException) -> tuple[str, str]:
    """The type and the message of what a call has raised, as they were in the worker."""
    excinfo = getattr(error, "excinfo", None)
    if excinfo is not None:
        return excinfo.type.__name__, excinfo.msg or ""
    return type(error).__name__, str(error)


def show(error: BaseException) -> None:
    """Print the traceback, of the worker if there is one."""
    excinfo = getattr(error, "excinfo", None)
    if excinfo is not None and excinfo.errdisplay:
        print(excinfo.errdisplay.rstrip(), file=sys.stderr)
    else:
        import traceback

        traceback.print_exception(error)
