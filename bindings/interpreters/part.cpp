#include "interpreters/part.hpp"

#include "interpreters/interpreter_type.hpp"
#include "interpreters/lowlevel.hpp"
#include "interpreters/output.hpp"
#include "runtime/extensions/copy_store.hpp"
#include "runtime/process/lifecycle.hpp"
#include "support/module_contents.hpp"
#include "support/travel_by_id.hpp"

namespace libatoll::bindings {

namespace {

PyObject* set_execution_failed(PyObject* module, PyObject* type) {
  if (!PyExceptionClass_Check(type)) {
    PyErr_SetString(PyExc_TypeError, "expected an exception class");
    return nullptr;
  }
  Py_XSETREF(interpreters_of(state_of(module)).execution_failed, Py_NewRef(type));
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

py::Status encode_interpreter(PyObject* object, transfer::ExtensionValue& out) {
  std::int64_t id = 0;
  if (!id_of(object, "interpreter", id)) return py::Status::error;
  out.number = static_cast<std::uint64_t>(id);
  return py::Status::ok;
}

/// PEP 734 does not call interpreters shareable.
PyObject* register_interpreter_type(PyObject* module, PyObject* type) {
  if (py::failed(register_by_id(state_of(module), type, transfer::Tag::interpreter, false,
                                "atoll.interpreters", encode_interpreter))) {
    return nullptr;
  }
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_set_execution_failed", set_execution_failed, METH_O,
     "_set_execution_failed(type, /)\n--\n\n"
     "Name the exception class that Interpreter.call() raises in this interpreter."},
    {"_extension_cache", extension_cache, METH_NOARGS,
     "_extension_cache()\n--\n\n"
     "Return the folder of private copies of extension modules; '' if there is no place for it."},
    {"_set_bootstrap", set_bootstrap, METH_O,
     "_set_bootstrap(source, /)\n--\n\n"
     "Python source that every interpreter runs when atoll has created it; '' for none."},
    {"_register_interpreter_type", register_interpreter_type, METH_O,
     "_register_interpreter_type(type, /)\n--\n\n"
     "Name the class of interpreter objects, which lets them travel by id."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

py::Status add_interpreters(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_part<InterpretersPart>(state)) ||
      py::failed(add_type(module, make_interpreter_type(module),
                          interpreters_of(state).interpreter_type)) ||
      py::failed(add_output(module)) || PyModule_AddFunctions(module, functions) != 0) {
    return py::Status::error;
  }
  return add_namespace(module, "interpreters", "atoll.lowlevel.interpreters",
                       lowlevel_interpreters_methods);
}

}  // namespace libatoll::bindings
