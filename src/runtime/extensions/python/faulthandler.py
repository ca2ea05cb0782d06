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
    """Write the traceback of the calling thread.

    Not of others: `sys._current_frames()` would make objects of the frames of all interpreters.
    """
    import os
    import sys
    import threading

    text = f"Current thread {threading.get_ident():#018x} (most recent call first):\n"
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        text += f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}\n'
        frame = frame.f_back
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
