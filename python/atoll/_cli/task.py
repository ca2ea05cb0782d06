"""The worker's side of ``atoll map``: one input through the function, the result as JSON."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: The function, once it is found. A worker serves one command line.
_function: Callable[[Any], Any] | None = None


def call(module: str, name: str, value: Any) -> tuple[str | None, str]:
    """Return the result as one line of JSON, or None and why there is no such function.

    What the function raises is raised; TypeError or ValueError if JSON cannot express its result,
    which has no NaN and no infinity.
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
    result = _function(value)
    try:
        return json.dumps(result, ensure_ascii=False, allow_nan=False), ""
    except (TypeError, ValueError) as error:
        raise type(error)(f"the result is no JSON: {error}") from None


def describe(error: BaseException) -> tuple[str, str]:
    """The type and the message of what a call has raised, as they were in the worker."""
    excinfo = getattr(error, "excinfo", None)
    if excinfo is not None:
        return excinfo.type.__name__, excinfo.msg or ""
    return type(error).__name__, str(error)


def traceback_of(error: BaseException) -> str:
    """The traceback in the worker as text, the exception in its last line; empty if it has none."""
    end: BaseException | None = error
    seen: list[BaseException] = []
    while end is not None and end not in seen:
        # What was raised in the worker hangs at the far end.
        excinfo = getattr(end, "excinfo", None)
        seen.append(end)
        end = end.__cause__ or end.__context__
    display: str = getattr(excinfo, "errdisplay", "")
    return display.rstrip()
