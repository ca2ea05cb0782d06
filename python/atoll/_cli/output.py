"""Standard output of the commands: what cannot be written ends them in one line, no traceback."""

from __future__ import annotations

import errno
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Unwritable(OSError):
    """Standard output takes nothing more: a full disk, or a pipe that nobody reads."""


class _File(io.FileIO):
    # As an exception of its own: other files of a command may fail as well.
    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            raise Unwritable(error.errno, error.strerror) from error


def run(prog: str, action: Callable[[], int]) -> int:
    """The exit status of an action whose ``sys.stdout`` raises Unwritable where it has to."""
    standard = sys.stdout
    if standard is None:
        # Its number may be that of any other file by now.
        sys.exit(f"{prog}: standard output is closed")
    file = io.BufferedWriter(_File(standard.fileno(), "w", closefd=False))
    sys.stdout = io.TextIOWrapper(
        file, standard.encoding, standard.errors, line_buffering=standard.isatty()
    )
    try:
        try:
            return action()
        finally:
            sys.stdout.flush()
    except Unwritable as error:
        status, why = give_up(error)
        if why is not None:
            print(f"{prog}: {why}", file=sys.stderr)
        return status


def give_up(error: Unwritable) -> tuple[int, str | None]:
    """Drop what is still to be written; return the exit status, and what is to be said.

    A reader of a pipe that has had enough is no error.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    if error.errno == errno.EPIPE:
        return 0, None
    return 1, f"cannot write to standard output: {error.strerror}"
