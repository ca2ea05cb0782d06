// Ids of interpreters, queues and channels as arguments.
#pragma once

#include <Python.h>

#include <cstdint>

namespace libatoll::bindings {

/// A non-negative int. False with a Python error set: TypeError "<kind> ID must be an int, got
/// str", ValueError if negative, OverflowError from 2**63 on. What has `__index__` is an int here.
[[nodiscard]] bool convert_id(PyObject* object, const char* kind, std::int64_t& out);

/// The same for PyArg_ParseTupleAndKeywords ("O&", `std::int64_t*`).
int convert_queue_id(PyObject* object, void* out);

}  // namespace libatoll::bindings
