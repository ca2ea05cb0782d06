// get_crossinterp_data() and restore_crossinterp_data(): the ways of transfer, one at a time, for
// tests (CPython's test_crossinterp among them).
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::bindings {

/// Adds the two functions to `module`, from its exec slot.
py::Status add_crossinterp(PyObject* module);

}  // namespace libatoll::bindings
