// _atoll.Pool, the native half of atoll.Pool, and what goes with it.
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::bindings {

/// Adds Pool, TaskInterrupted and the functions through which atoll._futures registers its classes.
[[nodiscard]] py::Status add_pools(PyObject* module);

}  // namespace libatoll::bindings
