// Modules of the standard library that serve the main interpreter only, but are imported by
// packages that could do without: other interpreters get harmless ones of the same names.
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::runtime::extensions {

[[nodiscard]] bool has_stand_in(PyObject* name) noexcept;

/// The module that stands in, new. Empty with a Python error set on failure.
[[nodiscard]] py::Ref make_stand_in(PyObject* name);

}  // namespace libatoll::runtime::extensions
