"""What stands in the place of ``concurrent.futures.interpreter`` after ``atoll.install()``."""

from atoll import futures
from atoll._install import installed
from atoll.futures import BrokenInterpreterPool

__all__ = ["BrokenInterpreterPool", "InterpreterPoolExecutor"]


class InterpreterPoolExecutor(futures.InterpreterPoolExecutor):
    """The standard library's InterpreterPoolExecutor, on atoll: it refuses what that refuses."""

    _closures = False


InterpreterPoolExecutor.__doc__ = futures.InterpreterPoolExecutor.__doc__


def _present_as(name: str) -> None:
    """Let the public classes name the module they are imported from (for tracebacks, pickle)."""
    InterpreterPoolExecutor.__module__ = name
    BrokenInterpreterPool.__module__ = name


if installed():
    _present_as("concurrent.futures.interpreter")
