#include "transfer/pickle_support.hpp"

#include "transfer/context_impl.hpp"

namespace libatoll::transfer {
namespace {

constexpr const char* source = R"(
import io
import pickle
import sys
import types


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
    if HOOKS not in sys.modules:
        sys.modules[HOOKS] = hooks
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 5, buffer_callback=buffer_callback)
    pickler.dispatch_table = reducers
    pickler.dump(obj)
    return file.getvalue()


def restore(index, tag, number):
    raise pickle.UnpicklingError('this pickle was not made for storage')


restore.__module__ = HOOKS
hooks = types.ModuleType(HOOKS)
hooks.restore = restore


def load_main(name, path, package):
    """Executes a script as the hidden module `name`."""
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
    space = std::move(made);
  }
  PyObject* const found = PyDict_GetItemString(space.get(), name);
  if (!found) PyErr_Format(PyExc_SystemError, "no helper named %s", name);
  return found;
}

}  // namespace libatoll::transfer
