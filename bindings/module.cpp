// The extension module `atoll._atoll`.
//
// Every interpreter has its own module object, types and exceptions; the C++ layers below are
// shared.
#include <Python.h>

#include "channels/part.hpp"
#include "interpreters/part.hpp"
#include "memory/part.hpp"
#include "pep554/part.hpp"
#include "pools/part.hpp"
#include "py/cpython_compat.hpp"
#include "queues/part.hpp"
#include "runtime/process/lifecycle.hpp"
#include "support/module_contents.hpp"
#include "support/state.hpp"
#include "travel/crossinterp.hpp"
#include "travel/registry.hpp"

namespace libatoll::bindings {

namespace {

/// What all folders use.
py::Status add_support(PyObject* module) {
  State& state = state_of(module);
  state.self = runtime::lifecycle::join_current();
  if (!state.self) return py::Status::error;
  const py::Ref types = py::Ref::steal(PyImport_ImportModule("types"));
  if (!types) return py::Status::error;
  state.simple_namespace = PyObject_GetAttrString(types.get(), "SimpleNamespace");
  if (!state.simple_namespace) return py::Status::error;
  if (py::failed(add_exception(module, "atoll.interpreters", "InterpreterError",
                               "The state of an interpreter does not allow the operation.",
                               PyExc_Exception, state.interpreter_error)) ||
      py::failed(add_exception(module, "atoll.interpreters", "InterpreterNotFoundError",
                               "There is no such interpreter, or it is closed.",
                               state.interpreter_error, state.interpreter_not_found))) {
    return py::Status::error;
  }
  return PyModule_AddObjectRef(module, "NotShareableError",
                               state.context()->not_shareable_error()) == 0
             ? py::Status::ok
             : py::Status::error;
}

int exec_module(PyObject* module) {
  for (const auto add : {add_support, add_interpreters, add_queues, add_pep554, add_channels,
                         add_pools, add_shared_memory, add_registry, add_crossinterp}) {
    if (py::failed(add(module))) return -1;
  }
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
    nullptr,
    slots,
    [](PyObject* module, visitproc visit, void* arg) {
      return traverse_state(state_of(module), visit, arg);
    },
    [](PyObject* module) {
      clear_state(state_of(module));
      return 0;
    },
    [](void* module) {
      State& state = state_of(static_cast<PyObject*>(module));
      clear_state(state);
      delete_parts(state);
    },
};

}  // namespace libatoll::bindings

PyMODINIT_FUNC PyInit__atoll() {
  return PyModuleDef_Init(&libatoll::bindings::module_definition);
}
