"""Run a program after atoll.install(), as `python -m atoll SCRIPT` does: concurrent.interpreters is
atoll's, in the program, in the interpreters it creates and in its child processes."""

from __future__ import annotations

import builtins
import sys

import atoll

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s SCRIPT [ARG...]\n       %(prog)s -m MODULE [ARG...]\n"
    parser.usage += "       %(prog)s -c CODE [ARG...]"
    parser.add_argument(
        "--extensions",
        metavar="HOW",
        help="what interpreters do with extension modules (before all other arguments)",
    )
    parser.add_argument("script", metavar="SCRIPT", help="a file with Python source")
    parser.add_argument("arguments", metavar="ARG", nargs="*", help="what the program gets")


def run(options: argparse.Namespace) -> int:
    execute([options.script, *options.arguments], options.parser.prog)
    return 0


def execute(arguments: list[str], prog: str) -> None:
    """Run a script, ``-m MODULE`` or ``-c CODE``, with the arguments that follow."""
    extensions = None
    if arguments[0].startswith("--extensions="):
        extensions = arguments[0].partition("=")[2]
        del arguments[0]
        if not arguments:
            sys.exit(f"{prog}: what is to be run? (see {prog} --help)")
    kind, rest = arguments[0], arguments[1:]
    if kind in ("-m", "-c") and not rest:
        sys.exit(f"{prog}: {kind} needs an argument (see {prog} --help)")
    try:
        atoll.install(extensions=extensions)
    except ValueError as error:
        sys.exit(f"{prog}: {error}")
    if kind == "-m":
        import runpy

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
            sys.exit(f"{prog}: cannot open {kind!r}: {error.strerror}")
        _run_in_main(source, kind, kind)


def _run_in_main(source: str | bytes, filename: str, file: str | None) -> None:
    """Execute in the ``__main__`` that there is, so that what it defines can be sent, pickled."""
    code = compile(source, filename, "exec", dont_inherit=True)
    namespace = sys.modules["__main__"].__dict__
    namespace.clear()
    namespace.update(
        __name__="__main__",
        __builtins__=builtins,
        __doc__=None,
        __package__=None,
        __loader__=None,
        __spec__=None,
    )
    if file is not None:
        namespace["__file__"] = file
    exec(code, namespace)
