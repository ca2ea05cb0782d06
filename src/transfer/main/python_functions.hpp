// What the Python side of this layer calls: references to definitions, in both directions.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/encode/encoder.hpp"

namespace libatoll::transfer {

/// Adds the functions to the module of pickle/support.hpp.
py::Status add_python_functions(PyObject* module);

/// A function or class of `__main__` in two parts, a tuple: what makes it, and its state. What it
/// refers to is noted by `encoder`.
py::Ref split_definition(Encoder& encoder, PyObject* definition, PyObject* name);

}  // namespace libatoll::transfer
