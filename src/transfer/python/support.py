import functools
import io
import pickle
import types


class Unpickler(pickle.Unpickler):
    """Looks up the sender's __main__ through find_in_main."""

    def __init__(self, file, buffers, find_in_main):
        super().__init__(file, buffers=buffers)
        self._find_in_main = find_in_main

    def find_class(self, module, name):
        if module == "__main__" or module.startswith("<fake __main__"):
            return self._find_in_main(name)
        return super().find_class(module, name)


def load(data, buffers, find_in_main):
    return Unpickler(io.BytesIO(data), buffers, find_in_main).load()


def dump(obj, reducers, buffer_callback, whole):
    """Pickles with extra reduce functions, or with pickle's own (None)."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 5, buffer_callback=buffer_callback)
    if reducers is not None:
        pickler.dispatch_table = reducers
    return dump_with(pickler, file, obj, whole)


def dump_with(pickler, file, obj, whole):
    """The pickle; None if `whole`, of which `obj` holds items, was met in it."""
    pickler.dump(obj)
    if whole is not None and id(whole) in pickler.memo.copy():
        return None
    return file.getvalue()


def parts(obj):
    """What an object consists of, each with its step of a path to it."""
    kind = type(obj)
    if kind is list or kind is tuple:
        return [(f"[{i}]", part) for i, part in enumerate(obj)]
    if kind is dict:
        return [(f"[{key!r:.60}]", part) for key, part in obj.items()]
    if kind is set or kind is frozenset:
        return [(" element", part) for part in obj]
    if kind is types.FunctionType:
        names = obj.__code__.co_freevars
        cells = [
            (f".{name}", cell.cell_contents)
            for name, cell in zip(names, obj.__closure__ or (), strict=False)
        ]
        used = [
            (f".{n}", obj.__globals__[n]) for n in obj.__code__.co_names if n in obj.__globals__
        ]
        defaults = [(".__defaults__", obj.__defaults__), (".__kwdefaults__", obj.__kwdefaults__)]
        return [*cells, *used, *defaults]
    if kind is types.MethodType:
        return [(".__self__", obj.__self__), (".__func__", obj.__func__)]
    if kind is functools.partial:
        return [(".func", obj.func), (".args", obj.args), (".keywords", obj.keywords)]
    if isinstance(obj, type) and find_home(obj.__module__) is not None:
        return [(f".{n}", part) for n, part in vars(obj).items() if not is_made_anew(n, part)]
    if isinstance(obj, (type, types.ModuleType)):
        return []
    if any(getattr(kind, name, None) is not getattr(object, name, None) for name in OWN):
        return []  # what it says of itself is its own affair
    slots = [name for each in kind.__mro__ for name in slots_of(each) if hasattr(obj, name)]
    found = [(f".{name}", getattr(obj, name)) for name in slots]
    found += [(f".{name}", part) for name, part in list(getattr(obj, "__dict__", {}).items())]
    if isinstance(obj, (list, tuple)):
        found += [(f"[{i}]", part) for i, part in enumerate(obj)]
    elif isinstance(obj, dict):
        found += [(f"[{key!r:.60}]", part) for key, part in obj.items()]
    return found


OWN = "__reduce__", "__reduce_ex__", "__getstate__"


def slots_of(kind):
    if "__slots__" not in vars(kind):
        return []
    return [n for n, d in vars(kind).items() if type(d) is types.MemberDescriptorType]
