"""Stands in for _tracemalloc, which traces the main interpreter only."""


def start(nframe=1, /):
    raise RuntimeError(
        "tracemalloc traces the main interpreter only: its hooks are the process's; start it there"
    )


def stop():
    pass


def is_tracing():
    return False


def clear_traces():
    pass


def get_traceback_limit():
    return 1


def get_traced_memory():
    return 0, 0


def reset_peak():
    pass


def get_tracemalloc_memory():
    return 0


def _get_traces():
    return []


def _get_object_traceback(obj, /):
    return None
