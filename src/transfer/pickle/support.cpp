#include "transfer/pickle/support.hpp"

#include "transfer/context/impl.hpp"

namespace libatoll::transfer {
namespace {

constexpr const char* source = R"(
import functools
import io
import pickle
import sys
import types
from _thread import RLock


class Unpickler(pickle.Unpickler):
    """Looks up the sender's __main__ through find_in_main, and restores what pickle cannot."""

    def __init__(self, file, buffers, find_in_main, restore):
        super().__init__(file, buffers=buffers)
        self._find_in_main = find_in_main
        self._restore = restore

    def find_class(self, module, name):
        if module == '__main__' or module == '<fake __main__>':
            return self._find_in_main(name)
        if module == HOOKS:
            return self._restore
        return super().find_class(module, name)


def load(data, buffers, find_in_main, restore):
    return Unpickler(io.BytesIO(data), buffers, find_in_main, restore).load()


HOOKS = '_atoll_restore'


def dump(obj, reducers, buffer_callback):
    """Pickles with extra reduce functions, whose results name `restore` of the hooks module."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 5, buffer_callback=buffer_callback)
    pickler.dispatch_table = reducers
    return dump_with(pickler, file, obj)


def dump_by_value(obj, reducers, buffer_callback):
    """The same, with what has no importable name by value (cloudpickle)."""
    file = io.BytesIO()
    return dump_with(by_value_pickler(reducers)(file, 5, buffer_callback), file, obj)


def dump_with(pickler, file, obj):
    if HOOKS not in sys.modules:
        sys.modules[HOOKS] = hooks
    pickler.dump(obj)
    return file.getvalue()


@functools.cache
def by_value_pickler(reducers):
    import cloudpickle

    class Table:
        def __getitem__(self, kind):
            if kind is io.TextIOWrapper:
                return reduce_stream
            try:
                return reducers[kind]
            except KeyError:
                return cloudpickle.Pickler.dispatch_table[kind]

    class Pickler(cloudpickle.Pickler):
        dispatch_table = Table()

    def reduce_stream(stream):
        # cloudpickle would send the contents of a file that is read.
        for name in ('stdin', 'stdout', 'stderr'):
            if stream is getattr(sys, name):
                return getattr, (sys, name)
        raise TypeError(f"cannot pickle '{type(stream).__name__}' object")

    return Pickler


def parts(obj):
    """What an object consists of, each with its step of a path to it."""
    kind = type(obj)
    if kind is list or kind is tuple:
        return [(f'[{i}]', part) for i, part in enumerate(obj)]
    if kind is dict:
        return [(f'[{key!r:.60}]', part) for key, part in obj.items()]
    if kind is set or kind is frozenset:
        return [(' element', part) for part in obj]
    if kind is types.FunctionType:
        names = obj.__code__.co_freevars
        cells = [(f'.{name}', cell.cell_contents) for name, cell in zip(names, obj.__closure__ or ())]
        used = [(f'.{n}', obj.__globals__[n]) for n in obj.__code__.co_names if n in obj.__globals__]
        defaults = [('.__defaults__', obj.__defaults__), ('.__kwdefaults__', obj.__kwdefaults__)]
        return [*cells, *used, *defaults]
    if kind is types.MethodType:
        return [('.__self__', obj.__self__), ('.__func__', obj.__func__)]
    if kind is functools.partial:
        return [('.func', obj.func), ('.args', obj.args), ('.keywords', obj.keywords)]
    if isinstance(obj, (type, types.ModuleType)):
        return []
    if any(getattr(kind, name, None) is not getattr(object, name, None) for name in OWN):
        return []  # what it says of itself is its own affair
    slots = [name for each in kind.__mro__ for name in slots_of(each) if hasattr(obj, name)]
    found = [(f'.{name}', getattr(obj, name)) for name in slots]
    found += [(f'.{name}', part) for name, part in list(getattr(obj, '__dict__', {}).items())]
    if isinstance(obj, (list, tuple)):
        found += [(f'[{i}]', part) for i, part in enumerate(obj)]
    elif isinstance(obj, dict):
        found += [(f'[{key!r:.60}]', part) for key, part in obj.items()]
    return found


OWN = '__reduce__', '__reduce_ex__', '__getstate__'


def slots_of(kind):
    if '__slots__' not in vars(kind):
        return []
    return [n for n, d in vars(kind).items() if type(d) is types.MemberDescriptorType]


def restore(index, tag, number):
    raise pickle.UnpicklingError('this pickle was not made for storage')


restore.__module__ = HOOKS
hooks = types.ModuleType(HOOKS)
hooks.restore = restore


main_lock = RLock()


def load_main(known, name, path, package):
    """The script executed as the hidden module `name`; `known` has those that were, by path."""
    with main_lock:
        if path not in known:
            known[path] = run_main(name, path, package)
        return known[path]


def run_main(name, path, package):
    module = types.ModuleType(name)
    module.__file__ = path
    module.__package__ = package
    module.__loading__ = True
    with io.open_code(path) as file:
        code = compile(file.read(), path, 'exec', dont_inherit=True)
    # Found by pickle and by dataclasses while the script runs, as a module should be.
    former = sys.modules.get(name)
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        if former is None:
            del sys.modules[name]
        else:
            sys.modules[name] = former
        raise
    finally:
        module.__dict__.pop('__loading__', None)
    return module
)";

}  // namespace

PyObject* pickle_support(Context& context, const char* name) {
  py::Ref& space = context.impl().pickle_support;
  if (!space) {
    auto made = py::Ref::steal(PyDict_New());
    const auto module_name = py::Ref::steal(PyUnicode_FromString("atoll._transfer"));
    if (!made || !module_name ||
        PyDict_SetItemString(made.get(), "__name__", module_name.get()) < 0) {
      return nullptr;
    }
    const auto code = py::Ref::steal(Py_CompileString(source, "<atoll transfer>", Py_file_input));
    if (!code || PyDict_SetItemString(made.get(), "__builtins__", PyEval_GetBuiltins()) < 0) {
      return nullptr;
    }
    if (!py::Ref::steal(PyEval_EvalCode(code.get(), made.get(), made.get()))) return nullptr;
    space.set_once(std::move(made));
  }
  PyObject* const found = PyDict_GetItemString(space.get(), name);
  if (!found) PyErr_Format(PyExc_SystemError, "no helper named %s", name);
  return found;
}

}  // namespace libatoll::transfer
