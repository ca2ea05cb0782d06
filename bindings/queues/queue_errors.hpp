// The exceptions of queues.
#pragma once

#include <Python.h>

#include <cstdint>

#include "core/base/status.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// QueueError and QueueNotFoundError; null with a Python error set on failure.
py::Status add_queue_errors(PyObject* module);

enum class QueueAction { put, get };

/// Sets the Python error for what went wrong: QueueNotFoundError, or, where the queue was full or
/// empty to the end, the class that the high-level module has registered. Returns null.
PyObject* raise_queue_error(State& state, std::int64_t id, core::Status status, QueueAction action);
PyObject* raise_queue_not_found(const State& state, std::int64_t id);

}  // namespace libatoll::bindings
