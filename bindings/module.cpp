// The extension module `atoll._atoll`.
//
// Every interpreter has its own module object, types and exceptions; the C++ layers below are
// shared.
#include <Python.h>

#include "channels/channel.hpp"
#include "interpreters/interpreter_type.hpp"
#include "interpreters/lowlevel.hpp"
#include "interpreters/output.hpp"
#include "memory/shared_array.hpp"
#include "memory/shared_buffer.hpp"
#include "pep554/channel_errors.hpp"
#include "pep554/channel_id_type.hpp"
#include "pep554/channel_info.hpp"
#include "pep554/channel_travel.hpp"
#include "pep554/lowlevel.hpp"
#include "pools/pool_type.hpp"
#include "py/cpython_compat.hpp"
#include "queues/lowlevel.hpp"
#include "queues/queue_errors.hpp"
#include "queues/queue_travel.hpp"
#include "queues/queue_type.hpp"
#include "runtime/extensions/copy_store.hpp"
#include "runtime/process/lifecycle.hpp"
#include "support/exceptions.hpp"
#include "support/state.hpp"
#include "travel/crossinterp.hpp"
#include "travel/registry.hpp"

namespace libatoll::bindings {

namespace {

PyObject* set_execution_failed(PyObject* module, PyObject* type) {
  if (!PyExceptionClass_Check(type)) {
    PyErr_SetString(PyExc_TypeError, "expected an exception class");
    return nullptr;
  }
  Py_XSETREF(state_of(module).execution_failed, Py_NewRef(type));
  Py_RETURN_NONE;
}

PyObject* extension_cache(PyObject*, PyObject*) {
  return PyUnicode_DecodeFSDefault(runtime::extensions::cache_folder().c_str());
}

PyObject* set_bootstrap(PyObject*, PyObject* source) {
  const char* text = PyUnicode_AsUTF8(source);
  if (!text) return nullptr;
  runtime::lifecycle::set_bootstrap(text);
  Py_RETURN_NONE;
}

PyObject* register_interpreter(PyObject* module, PyObject* type) {
  if (py::failed(register_interpreter_type(state_of(module), type))) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"_set_execution_failed", set_execution_failed, METH_O,
     "_set_execution_failed(type, /)\n--\n\n"
     "Name the exception class that Interpreter.call() raises in this interpreter."},
    {"_extension_cache", extension_cache, METH_NOARGS,
     "_extension_cache()\n--\n\n"
     "Return the folder of private copies of extension modules; '' if there is no place for it."},
    {"_set_bootstrap", set_bootstrap, METH_O,
     "_set_bootstrap(source, /)\n--\n\n"
     "Python source that every interpreter runs when atoll has created it; '' for none."},
    {"_register_interpreter_type", register_interpreter, METH_O,
     "_register_interpreter_type(type, /)\n--\n\n"
     "Name the class of interpreter objects, which lets them travel by id."},
    {nullptr, nullptr, 0, nullptr},
};

/// Functions of a module that is not this one by name: `functions` lists them in a namespace that
/// the Python module `home` re-exports.
py::Status add_namespace(PyObject* module, const char* attribute, const char* home,
                         PyMethodDef* functions) {
  const py::Ref space = py::Ref::steal(PyModule_New(home));
  const py::Ref home_name = py::Ref::steal(PyUnicode_FromString(home));
  if (!space || !home_name) return py::Status::error;
  for (PyMethodDef* method = functions; method->ml_name; ++method) {
    const py::Ref function = py::Ref::steal(PyCFunction_NewEx(method, module, home_name.get()));
    if (!function || PyModule_AddObjectRef(space.get(), method->ml_name, function.get()) != 0) {
      return py::Status::error;
    }
  }
  return PyModule_AddObjectRef(module, attribute, space.get()) == 0 ? py::Status::ok
                                                                    : py::Status::error;
}

py::Status add_type(PyObject* module, PyTypeObject* (*make)(PyObject*), PyTypeObject*& out) {
  out = make(module);
  return out && PyModule_AddType(module, out) == 0 ? py::Status::ok : py::Status::error;
}

py::Status add_queues(PyObject* module) {
  if (py::failed(add_queue_errors(module)) ||
      py::failed(add_type(module, make_queue_type, state_of(module).queue_type))) {
    return py::Status::error;
  }
  return add_namespace(module, "queues", "atoll.lowlevel.queues", lowlevel_queues_methods);
}

py::Status add_channels(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_channel_errors(module)) ||
      py::failed(add_type(module, make_channel_id_type, state.channel_id_type)) ||
      py::failed(add_type(module, make_channel_info_type, state.channel_info_type)) ||
      py::failed(register_channel_id_type(state))) {
    return py::Status::error;
  }
  return add_namespace(module, "channels", "atoll.lowlevel.channels", lowlevel_channels_methods);
}

py::Status add_shared_memory(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_type(module, make_shared_buffer_type, state.shared_buffer_type)) ||
      py::failed(add_type(module, make_shared_array_type, state.shared_array_type)) ||
      py::failed(register_shared_buffer(state))) {
    return py::Status::error;
  }
  return register_shared_array(state);
}

py::Status fill(PyObject* module) {
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
  if (PyModule_AddObjectRef(module, "NotShareableError", state.context()->not_shareable_error()) !=
      0) {
    return py::Status::error;
  }
  if (py::failed(add_type(module, make_interpreter_type, state.interpreter_type))) {
    return py::Status::error;
  }
  if (py::failed(add_namespace(module, "interpreters", "atoll.lowlevel.interpreters",
                               lowlevel_interpreters_methods))) {
    return py::Status::error;
  }
  if (py::failed(add_queues(module)) || py::failed(add_channels(module)) ||
      py::failed(add_csp(module)) || py::failed(add_pools(module)) ||
      py::failed(add_output(module)) || py::failed(add_shared_memory(module)) ||
      py::failed(add_registry(module))) {
    return py::Status::error;
  }
  return add_crossinterp(module);
}

int exec_module(PyObject* module) {
  return py::failed(fill(module)) ? -1 : 0;
}

/// What the state owns.
constexpr PyObject* State::*objects[] = {
    &State::interpreter_error, &State::interpreter_not_found,
    &State::execution_failed,  &State::simple_namespace,
    &State::queue_error,       &State::queue_not_found,
    &State::queue_empty,       &State::queue_full,
    &State::channel_error,     &State::channel_not_found,
    &State::channel_closed,    &State::channel_empty,
    &State::channel_not_empty, &State::closed,
    &State::would_block,       &State::settle_future,
    &State::cancelled_error,   &State::broken_pool,
    &State::task_timed_out,    &State::kept_result,
    &State::kept_exception,
};
constexpr PyTypeObject* State::*types[] = {
    &State::interpreter_type,   &State::queue_type,        &State::channel_id_type,
    &State::channel_info_type,  &State::sender_type,       &State::receiver_type,
    &State::selected_type,      &State::pool_type,         &State::completions_type,
    &State::native_future_type, &State::future_type,       &State::remote_stream_type,
    &State::shared_buffer_type, &State::shared_array_type,
};

int traverse(PyObject* module, visitproc visit, void* arg) {
  const State& state = state_of(module);
  for (const auto member : objects) Py_VISIT(state.*member);
  for (const auto member : types) Py_VISIT(state.*member);
  return 0;
}

int clear(PyObject* module) {
  State& state = state_of(module);
  for (const auto member : objects) Py_CLEAR(state.*member);
  for (const auto member : types) Py_CLEAR(state.*member);
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

}  // namespace libatoll::bindings

PyMODINIT_FUNC PyInit__atoll() {
  return PyModuleDef_Init(&libatoll::bindings::module_definition);
}
