// `_atoll.Interpreter`: the native half of atoll.interpreters.Interpreter.
#pragma once

#include <Python.h>

namespace libatoll::bindings {

/// A new heap type of the module; null with a Python error set on failure.
PyTypeObject* make_interpreter_type(PyObject* module);

}  // namespace libatoll::bindings
