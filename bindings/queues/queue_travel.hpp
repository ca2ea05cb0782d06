// How Queue and Interpreter objects travel between interpreters: by id.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// Makes objects of `type` shareable: they have an `id`, and `type(id)` makes one.
py::Status register_queue_type(const State& state, PyObject* type);

/// The same for interpreters, which PEP 734 does not call shareable.
py::Status register_interpreter_type(const State& state, PyObject* type);

}  // namespace libatoll::bindings
