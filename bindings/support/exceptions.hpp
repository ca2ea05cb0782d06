// Making the module's exception classes.
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::bindings {

/// Adds `name` to the module; `home` is the Python module that exports it. `out` gets a new
/// reference.
py::Status add_exception(PyObject* module, const char* home, const char* name, const char* doc,
                         PyObject* base, PyObject*& out);

}  // namespace libatoll::bindings
