"""The command line: ``atoll`` and ``python -m atoll``, one module per command.

A command's module has ``add_arguments(parser)`` and ``run(options) -> int``, its exit status. It is
imported when it is needed: ``python -m atoll SCRIPT`` loads little that the script did not.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import NoReturn

#: Command -> what it does.
COMMANDS = {
    "map": "call a function with each of many inputs, on all cores",
    "run": "run a program with atoll in the place of the standard modules",
    "cache": "list or clear the private copies of extension modules",
    "check": "tell whether modules can be imported in isolated interpreters",
    "info": "show versions, what this Python supports, and paths",
}

_USAGE = """\
%(prog)s [--extensions=HOW] SCRIPT [ARG...]
       %(prog)s [--extensions=HOW] -m MODULE [ARG...]
       %(prog)s [--extensions=HOW] -c CODE [ARG...]
       %(prog)s COMMAND ...
"""

_DESCRIPTION = """\
Runs a program after atoll.install(): concurrent.interpreters is atoll's, in the program, in the
interpreters it creates and in its child processes. HOW is what these do with extension modules:
declared (the default: refuse those that do not declare isolation), auto or private (load private
copies of these, or of all). Or carries out a command; a script of such a name is run as ./NAME.
"""


def _make_parser(prog: str, chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser of the chosen command; of all of it if there is none."""
    import argparse
    from importlib import import_module

    import atoll

    parser = argparse.ArgumentParser(prog, usage=_USAGE, description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"atoll {atoll.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, prog=f"{prog} {name}")
        if name == chosen:
            module = import_module(f"atoll._cli.{name}")
            command.description = module.__doc__
            command.set_defaults(run=module.run, parser=command)
            module.add_arguments(command)
            return command
    return parser


def main(prog: str = "atoll") -> NoReturn:
    """Carry out what ``sys.argv`` says, and exit."""
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else None
    if first == "run" and arguments[1:2] not in ([], ["-h"], ["--help"]):
        # Not through argparse: what follows belongs to the program.
        arguments, first = arguments[1:], None
    if first is None or (first not in COMMANDS and first not in ("-h", "--help", "--version")):
        if not arguments:
            print(_make_parser(prog).format_help(), end="", file=sys.stderr)
            sys.exit(2)
        from atoll._cli.run import execute

        execute(arguments, prog)
        sys.exit(0)
    from atoll._cli import output

    sys.exit(output.run(prog, lambda: _carry_out(prog, first, arguments)))


def _carry_out(prog: str, first: str, arguments: list[str]) -> int:
    if first not in COMMANDS:
        _make_parser(prog).parse_args(arguments)
        return 0
    # Intermixed: up to 3.13.0 an option would end the list of inputs.
    options = _make_parser(prog, first).parse_intermixed_args(arguments[1:])
    status: int = options.run(options)
    return status


def script() -> NoReturn:
    """The console script: :func:`main`, which finds modules where ``python -m`` does."""
    if not sys.flags.safe_path:
        import os

        sys.path[0] = os.getcwd()
    main()
