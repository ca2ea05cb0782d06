"""Stands in for faulthandler, which serves the main interpreter only.

Its handlers are the process's: where the main interpreter has enabled them, they also show what the
other interpreters run. Here nothing is enabled or disabled.
"""


def enable(file=None, all_threads=True, **options):
    """Do nothing: enable it in the main interpreter."""


def disable():
    return False


def is_enabled():
    return False


def dump_traceback(file=None, all_threads=True, **options):
    """Write the tracebacks of this interpreter's threads."""
    import os
    import sys
    import threading
    import traceback

    here = threading.get_ident()
    frames = sys._current_frames()
    text = ""
    for ident, frame in frames.items() if all_threads else [(here, frames[here])]:
        head = "Current thread" if ident == here else "Thread"
        text += f"{head} {ident:#018x} (most recent call first):\n"
        for entry, line in traceback.walk_stack(frame):
            text += f'  File "{entry.f_code.co_filename}", line {line} in {entry.f_code.co_name}\n'
    if isinstance(file, int):
        os.write(file, text.encode())
    else:
        (file or sys.stderr).write(text)


def dump_traceback_later(timeout, repeat=False, file=None, exit=False, **options):
    """Do nothing: the watchdog of the process is the main interpreter's."""


def cancel_dump_traceback_later():
    pass


def dump_c_stack(file=None):
    pass


def register(signum, file=None, all_threads=True, chain=False, **options):
    """Do nothing: signals are handled in the main interpreter."""


def unregister(signum):
    return False
