// How Queue objects travel between interpreters: by id.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// Makes objects of `type` shareable: they have an `id`, and `type(id)` makes one.
py::Status register_queue_type(const State& state, PyObject* type);

}  // namespace libatoll::bindings
