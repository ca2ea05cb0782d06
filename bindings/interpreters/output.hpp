// `_atoll.RemoteStream`: a stream of one interpreter, for others to print to.
//
// It is made from any object with write(str), travels to other interpreters, and there enters the
// stream's interpreter for each write. It does not keep that interpreter alive.
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::bindings {

/// Adds the type and lets it travel.
py::Status add_output(PyObject* module);

}  // namespace libatoll::bindings
