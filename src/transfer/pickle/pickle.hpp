// The fallback: pickle protocol 5, with large buffers as attachments.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/encode/encoder.hpp"

namespace libatoll::transfer {

/// Appends a pickle of `object`. On failure pickle's error is set and the encoder must be rolled
/// back. Runs the user's Python code.
py::Status write_pickle(Encoder& encoder, PyObject* object);

/// The payload of a pickle op.
py::Ref read_pickle(Decoder& decoder);

}  // namespace libatoll::transfer
