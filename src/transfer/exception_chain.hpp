// Exceptions as objects: an exception with its causes, contexts and group members, by pickle.
//
// pickle drops `__cause__`, `__context__` and `__suppress_context__`; they travel beside it.
#pragma once

#include <Python.h>

#include <string>

#include "core/message.hpp"
#include "py/ref.hpp"
#include "transfer/context.hpp"

namespace libatoll::transfer {

/// On failure a Python error is set: the exception itself cannot be pickled. Members of its chain
/// that cannot are left out.
py::Status encode_chain(Context& context, PyObject* exception, core::Message& out);

/// Empty without an error if it cannot be rebuilt here. `remote`, the traceback text where it was
/// raised, becomes the cause at the far end of its chain, so that it is shown first.
py::Ref decode_chain(Context& context, const core::Message& message,
                     const std::string* remote) noexcept;

}  // namespace libatoll::transfer
