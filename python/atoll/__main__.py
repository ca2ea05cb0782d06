"""``python -m atoll SCRIPT``: run a program with atoll in the place of the standard modules."""

from __future__ import annotations

import builtins
import runpy
import sys

import atoll

USAGE = """\
usage: python -m atoll SCRIPT [ARG...]
       python -m atoll -m MODULE [ARG...]
       python -m atoll -c CODE [ARG...]

Runs a program after atoll.install(): concurrent.interpreters is atoll's, in the program, in the
interpreters it creates and in its child processes.
"""


def _run_in_main(source: str | bytes, filename: str, file: str | None) -> None:
    """Execute in the ``__main__`` that there is, so that what it defines can be sent, pickled."""
    code = compile(source, filename, "exec", dont_inherit=True)
    fresh = {
        "__name__": "__main__",
        "__builtins__": builtins,
        "__doc__": None,
        "__package__": None,
        "__loader__": None,
        "__spec__": None,
    }
    if file is not None:
        fresh["__file__"] = file
    # The namespace is this module's own: nothing of it can be used from here on.
    run, namespace = exec, sys.modules["__main__"].__dict__
    namespace.clear()
    namespace.update(fresh)
    run(code, namespace)


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    kind, rest = arguments[0], arguments[1:]
    if kind in ("-m", "-c") and not rest:
        sys.exit(f"python -m atoll: {kind} needs an argument\n\n{USAGE}")
    atoll.install()
    if kind == "-m":
        sys.argv[:] = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        _run_in_main(rest[0], "<string>", None)
    else:
        import io
        import os

        sys.argv[:] = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(kind))
        try:
            with io.open_code(kind) as file:
                source = file.read()
        except OSError as error:
            sys.exit(f"python -m atoll: cannot open {kind!r}: {error.strerror}")
        _run_in_main(source, kind, kind)


if __name__ == "__main__":
    main()
