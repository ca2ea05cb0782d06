// _atoll._Completions: where the ends of several maps' tasks arrive, in the order in which they
// come.
#pragma once

#include <Python.h>

#include "core/channel/object_queue.hpp"
#include "core/task/task.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// A new heap type of the module; null with a Python error set.
[[nodiscard]] PyTypeObject* make_completions_type(PyObject* module);

/// None, with TypeError set for anything else.
[[nodiscard]] core::ObjectQueue<core::Task> queue_of_completions(const State& state,
                                                                 PyObject* object);

}  // namespace libatoll::bindings
