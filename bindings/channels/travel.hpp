// How Senders and Receivers travel: what arrives is a clone, and what is under way keeps its end
// open.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// Makes both types shareable in this interpreter.
[[nodiscard]] py::Status register_end_objects(const State& state);

}  // namespace libatoll::bindings
