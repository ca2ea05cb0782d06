// Exceptions as objects: an exception with its causes, contexts and group members, by pickle.
//
// pickle drops `__cause__`, `__context__` and `__suppress_context__`; they travel beside it.
#pragma once

#include <Python.h>

#include <string>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::transfer {

/// On failure a Python error is set: the exception itself cannot be pickled. Members of its chain
/// that cannot are left out.
py::Status encode_chain(Context& context, PyObject* exception, Mode mode, core::Message& out);

/// Empty without an error if it cannot be rebuilt here.
py::Ref decode_chain(Context& context, const core::Message& message) noexcept;

/// Makes `cause` the cause at the far end of a rebuilt chain, so that it is shown first.
void add_far_cause(PyObject* exception, PyObject* cause) noexcept;
/// The same with an exception that holds a traceback as text. Leaves no error set.
void add_remote_traceback(Context& context, PyObject* exception, const std::string& text) noexcept;

}  // namespace libatoll::transfer
