// The few functions of this layer that are written in Python, compiled when the first is needed.
#pragma once

#include <Python.h>

#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// A function of the Python source in pickle_support.cpp (borrowed), or null with an error set.
PyObject* pickle_support(Context& context, const char* name);

}  // namespace libatoll::transfer
