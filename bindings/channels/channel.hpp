// atoll.channel(), atoll.after(), atoll.ticker(), and what the module needs for them.
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::bindings {

/// Adds the exceptions, types and functions of CSP to `_atoll`.
[[nodiscard]] py::Status add_csp(PyObject* module);

}  // namespace libatoll::bindings
