// Adding exceptions, types and namespaces to the module.
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::bindings {

/// Adds `name` to the module; `home` is the Python module that exports it. `out` gets a new
/// reference.
[[nodiscard]] py::Status add_exception(PyObject* module, const char* home, const char* name,
                                       const char* doc, PyObject* base, PyObject*& out);

/// Adds `type`, a new reference, under its name, and keeps it in `out`. Null: the error is set.
[[nodiscard]] py::Status add_type(PyObject* module, PyTypeObject* type, PyTypeObject*& out);

/// Functions of a module that is not this one by name: `functions` lists them in a namespace that
/// the Python module `home` re-exports.
[[nodiscard]] py::Status add_namespace(PyObject* module, const char* attribute, const char* home,
                                       PyMethodDef* functions);

}  // namespace libatoll::bindings
