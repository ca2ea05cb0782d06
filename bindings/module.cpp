// The extension module `atoll._atoll`.
//
// Every interpreter has its own module object, types and exceptions; the C++ layers below are shared.
#include <Python.h>

#include "crossinterp.hpp"
#include "interpreter_type.hpp"
#include "lowlevel_interpreters.hpp"
#include "py/cpython_compat.hpp"
#include "runtime/lifecycle.hpp"
#include "state.hpp"

namespace atoll::bindings {

namespace {

PyObject* set_execution_failed(PyObject* module, PyObject* type) {
  if (!PyExceptionClass_Check(type)) {
    PyErr_SetString(PyExc_TypeError, "expected an exception class");
    return nullptr;
  }
  Py_XSETREF(state_of(module).execution_failed, Py_NewRef(type));
  Py_RETURN_NONE;
}

PyObject* set_bootstrap(PyObject*, PyObject* source) {
  const char* text = PyUnicode_AsUTF8(source);
  if (!text) return nullptr;
  runtime::lifecycle::set_bootstrap(text);
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"_set_execution_failed", set_execution_failed, METH_O,
     "_set_execution_failed(type, /)\n--\n\n"
     "Name the exception class that Interpreter.call() raises in this interpreter."},
    {"_set_bootstrap", set_bootstrap, METH_O,
     "_set_bootstrap(source, /)\n--\n\n"
     "Python source that every interpreter runs when atoll has created it; '' for none."},
    {nullptr, nullptr, 0, nullptr},
};

py::Status add_exception(PyObject* module, const char* name, const char* doc, PyObject* base,
                         PyObject*& out) {
  const std::string qualified = std::string("atoll.interpreters.") + name;
  out = PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base, nullptr);
  return out && PyModule_AddObjectRef(module, name, out) == 0 ? py::Status::ok : py::Status::error;
}

/// Functions of a module that is not this one by name: `functions` lists them in a namespace that
/// the Python module `home` re-exports.
py::Status add_namespace(PyObject* module, const char* attribute, const char* home,
                         PyMethodDef* functions) {
  const py::Ref space = py::Ref::steal(PyModule_New(home));
  const py::Ref home_name = py::Ref::steal(PyUnicode_FromString(home));
  if (!space || !home_name) return py::Status::error;
  for (PyMethodDef* method = functions; method->ml_name; ++method) {
    const py::Ref function =
        py::Ref::steal(PyCFunction_NewEx(method, module, home_name.get()));
    if (!function || PyModule_AddObjectRef(space.get(), method->ml_name, function.get()) != 0) {
      return py::Status::error;
    }
  }
  return PyModule_AddObjectRef(module, attribute, space.get()) == 0 ? py::Status::ok
                                                                    : py::Status::error;
}

py::Status fill(PyObject* module) {
  State& state = state_of(module);
  state.self = runtime::lifecycle::join_current();
  if (!state.self) return py::Status::error;
  const py::Ref types = py::Ref::steal(PyImport_ImportModule("types"));
  if (!types) return py::Status::error;
  state.simple_namespace = PyObject_GetAttrString(types.get(), "SimpleNamespace");
  if (!state.simple_namespace) return py::Status::error;
  if (py::failed(add_exception(module, "InterpreterError",
                               "The state of an interpreter does not allow the operation.",
                               PyExc_Exception, state.interpreter_error)) ||
      py::failed(add_exception(module, "InterpreterNotFoundError",
                               "There is no such interpreter, or it is closed.",
                               state.interpreter_error, state.interpreter_not_found))) {
    return py::Status::error;
  }
  if (PyModule_AddObjectRef(module, "NotShareableError",
                            state.context()->not_shareable_error()) != 0) {
    return py::Status::error;
  }
  state.interpreter_type = make_interpreter_type(module);
  if (!state.interpreter_type || PyModule_AddType(module, state.interpreter_type) != 0) {
    return py::Status::error;
  }
  if (py::failed(add_namespace(module, "interpreters", "atoll.lowlevel.interpreters",
                               lowlevel_interpreters_methods))) {
    return py::Status::error;
  }
  return add_crossinterp(module);
}

int exec_module(PyObject* module) { return py::failed(fill(module)) ? -1 : 0; }

int traverse(PyObject* module, visitproc visit, void* arg) {
  const State& state = state_of(module);
  Py_VISIT(state.interpreter_error);
  Py_VISIT(state.interpreter_not_found);
  Py_VISIT(state.execution_failed);
  Py_VISIT(state.simple_namespace);
  Py_VISIT(state.interpreter_type);
  return 0;
}

int clear(PyObject* module) {
  State& state = state_of(module);
  Py_CLEAR(state.interpreter_error);
  Py_CLEAR(state.interpreter_not_found);
  Py_CLEAR(state.execution_failed);
  Py_CLEAR(state.simple_namespace);
  Py_CLEAR(state.interpreter_type);
  return 0;
}

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void*>(exec_module)},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {0, nullptr},
};

}  // namespace

PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    "_atoll",
    "The native half of the atoll package.",
    sizeof(State),
    methods,
    slots,
    traverse,
    clear,
    [](void* module) { clear(static_cast<PyObject*>(module)); },
};

}  // namespace atoll::bindings

PyMODINIT_FUNC PyInit__atoll() { return PyModuleDef_Init(&atoll::bindings::module_definition); }
