// The exceptions of channels and select: atoll.Closed, atoll.WouldBlock, the builtin TimeoutError.
#pragma once

#include <Python.h>

#include "channels/end.hpp"
#include "core/base/status.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

py::Status add_csp_errors(PyObject* module);

/// Closed: this clone itself was closed. Returns null, as all here.
PyObject* raise_own_end_closed(const EndObject& end);

/// For a send or a reception that did not come to pass: Closed, WouldBlock (pending),
/// TimeoutError...
PyObject* raise_end_error(const EndObject& end, core::Status status);

}  // namespace libatoll::bindings
