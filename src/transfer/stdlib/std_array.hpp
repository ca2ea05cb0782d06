// array.array: its elements travel as shared memory, which the receiver's array copies.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// Makes array.array travel in this interpreter; imports its module.
py::Status load_std_array(Context& context);

}  // namespace libatoll::transfer
