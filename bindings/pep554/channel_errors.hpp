// The exceptions of channels.
#pragma once

#include <Python.h>

#include <cstdint>

#include "core/base/status.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

py::Status add_channel_errors(PyObject* module);

/// Sets the Python error for what went wrong: ChannelNotFoundError, ChannelClosedError,
/// ChannelEmptyError (pending), ChannelNotEmptyError, TimeoutError (timed_out). Returns null.
PyObject* raise_channel_error(const State& state, std::int64_t id, core::Status status);

}  // namespace libatoll::bindings
