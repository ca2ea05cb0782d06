// Ints of any size as two's complement bytes, low byte first.
#pragma once

#include <Python.h>

#include <cstddef>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// Bytes that `number` (an exact int) needs with its sign; -1 with an error set on failure.
Py_ssize_t long_byte_count(Context& context, PyObject* number);
py::Status long_to_bytes(Context& context, PyObject* number, std::byte* out, Py_ssize_t length);
py::Ref long_from_bytes(Context& context, const std::byte* bytes, Py_ssize_t length);

}  // namespace libatoll::transfer
