"""The child process of ``atoll check``: imports one module in two isolated interpreters at once.

It writes one JSON object per line to what was its standard output: an extension that is about to
be loaded, the outcome in each interpreter. What the module prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from importlib.machinery import ExtensionFileLoader
from typing import Any

#: CPython's words for an extension that does not support isolation; it names no attribute.
_REFUSED = re.compile(r"module (\S+) does not support loading in subinterpreters")


def main() -> None:
    import faulthandler

    report = os.dup(1)
    os.dup2(2, 1)
    faulthandler.enable()
    module, use = sys.argv[1:3]
    extensions = sys.argv[3] or None
    # At once: what they share is what may hurt.
    barrier = threading.Barrier(2)
    threads = [
        threading.Thread(target=_try_one, args=(number, barrier, module, use, extensions, report))
        for number in (1, 2)
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        # Without waiting for imports that may never end.
        os._exit(130)


def _try_one(
    number: int,
    barrier: threading.Barrier,
    module: str,
    use: str,
    extensions: str | None,
    report: int,
) -> None:
    from atoll import interpreters

    interp = interpreters.create(extensions=extensions)
    try:
        barrier.wait()
        outcome = interp.call(import_here, module, use, report, number)
        _tell(report, outcome=outcome, interpreter=number)
        # Neither closes while the other one works.
        barrier.wait()
    finally:
        interp.close()


def import_here(module: str, use: str, report: int, number: int) -> dict[str, Any]:
    """Import the module in the calling interpreter, use it, and say what came of it."""
    failed: list[tuple[Any, BaseException]] = []
    _watch_extensions(failed, report, number)
    start = time.perf_counter()
    step = "import"
    try:
        __import__(module)
        seconds = time.perf_counter() - start
        if use:
            step = "use"
            exec(use, {"__name__": "__main__", "__builtins__": __builtins__})
    except BaseException as error:
        outcome = _explain(error, failed)
        if step == "use":
            outcome["step"] = step
    else:
        outcome = {"status": "ok", "import_seconds": round(seconds, 3)}
    blamed = outcome.get("extension")
    # An import that a package survives: usually an accelerator, with a substitute in Python.
    outcome["without"] = [
        {"extension": spec.name, "path": spec.origin, "reason": str(error)}
        for spec, error in failed
        if spec.name != blamed
    ]
    outcome["private"] = private_modules()
    return outcome


def private_modules() -> list[str]:
    """The modules of the calling interpreter that are private copies, by name."""
    return sorted(
        name
        for name, each in list(sys.modules.items())
        if getattr(getattr(each, "__loader__", None), "_atoll_private", False)
    )


def _tell(report: int, **facts: Any) -> None:
    os.write(report, (json.dumps(facts) + "\n").encode())


def _watch_extensions(failed: list[tuple[Any, BaseException]], report: int, number: int) -> None:
    loader: Any = ExtensionFileLoader
    create, execute = loader.create_module, loader.exec_module

    def create_module(self: Any, spec: Any) -> Any:
        _tell(report, loading=spec.name, path=spec.origin, interpreter=number)
        try:
            return create(self, spec)
        except BaseException as error:
            failed.append((spec, error))
            raise

    def exec_module(self: Any, module: Any) -> None:
        try:
            execute(self, module)
        except BaseException as error:
            failed.append((module.__spec__, error))
            raise
        _tell(report, loaded=module.__spec__.name, interpreter=number)

    loader.create_module, loader.exec_module = create_module, exec_module


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and what it comes from, the origin last."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _explain(error: BaseException, failed: list[tuple[Any, BaseException]]) -> dict[str, Any]:
    chain = _chain(error)
    outcome: dict[str, Any] = {
        "status": "error",
        "exception": type(error).__name__,
        "reason": str(error).strip(),
    }
    # Of nested imports the innermost has failed first.
    for spec, cause in failed:
        if any(cause is each for each in chain):
            outcome.update(extension=spec.name, path=spec.origin, reason=str(cause).strip())
            outcome["exception"] = type(cause).__name__
            # A module that it needs and that is missing is no refusal.
            if isinstance(cause, ImportError) and not isinstance(cause, ModuleNotFoundError):
                outcome["status"] = "refused"
            return outcome
    origin = chain[-1]
    if isinstance(origin, ImportError):
        outcome["exception"], outcome["reason"] = type(origin).__name__, str(origin).strip()
        refused = _REFUSED.search(outcome["reason"])
        if refused:
            outcome.update(status="refused", extension=refused[1], path=origin.path)
        elif origin.name:
            outcome["missing"] = origin.name
    return outcome


if __name__ == "__main__":
    main()
