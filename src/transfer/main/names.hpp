// The globals that code reads.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// Adds to a set the names that `code`, and the functions and classes inside of it, look up as
/// globals.
py::Status add_names_read(Context& context, PyObject* code, PyObject* names);

}  // namespace libatoll::transfer
