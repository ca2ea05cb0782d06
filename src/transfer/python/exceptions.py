"""Exceptions in pickles: rebuilt without their classes' ``__init__``, with what led to them.

By itself pickle calls the class with the `args`, which are what was handed to the base's
constructor, and often not what the class's own takes; and drops cause and context.
"""

import copyreg

HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def reduce_exception(exception):
    """With cause and context."""
    links = exception.__cause__, exception.__context__, exception.__suppress_context__
    return reduce_with(exception, links if any(links) else None)


def reduce_exception_alone(exception):
    return reduce_with(exception, None)


def reduce_with(exception, links):
    cls = type(exception)
    reduced = exception.__reduce_ex__(5)
    if (
        isinstance(reduced, str)
        or reduced[0] is not cls
        or says(cls, "__reduce__", "__reduce_ex__")
    ):
        return reduced
    if links is None and not cls.__flags__ & HEAP_TYPE:
        return reduced
    args, state = reduced[1], reduced[2] if len(reduced) > 2 else None
    slots = {name: getattr(exception, name) for name in slots_in(cls) if hasattr(exception, name)}
    made = state, slots, links
    return rebuild_exception, (cls, args), made if any(made) else None, None, None, set_made


def says(cls, *names):
    """Whether code in Python defines one of these methods for the class."""
    return any(
        each.__flags__ & HEAP_TYPE and not vars(each).keys().isdisjoint(names)
        for each in cls.__mro__
    )


def slots_in(cls):
    return copyreg._slotnames(cls) if cls.__flags__ & HEAP_TYPE else ()


def built_in_base(cls):
    while cls.__flags__ & HEAP_TYPE:
        cls = cls.__base__
    return cls


def rebuild_exception(cls, args):
    base = built_in_base(cls)
    try:
        exception = cls.__new__(cls, *args)
    except Exception:  # one that takes other arguments than it hands on
        exception = base.__new__(cls, *args)
    base.__init__(exception, *args)
    return exception


def set_made(exception, made):
    state, slots, links = made
    base = built_in_base(type(exception))
    if state and says(type(exception), "__setstate__"):
        exception.__setstate__(state)
        state = None
    for name, value in (state or {}).items():
        if hasattr(base, name):  # a field in C
            object.__setattr__(exception, name, value)
        else:
            exception.__dict__[name] = value
    for name, value in slots.items():
        object.__setattr__(exception, name, value)
    if links:
        exception.__cause__, exception.__context__, exception.__suppress_context__ = links
