// How this layer refuses: NotShareableError with a path, a type and a cause.
#pragma once

#include <Python.h>

#include <string>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// Sets NotShareableError(text); an exception that is set already becomes its `__cause__`. Lets
/// MemoryError and what is no Exception (KeyboardInterrupt, SystemExit) pass as they are.
void raise_not_shareable(Context& context, const std::string& text);

/// "<path>: <type> object does not support cross-interpreter data" (without the path if it is
/// empty).
void raise_unsupported(Context& context, const std::string& path, PyObject* culprit);

/// True if the error that is set must not be wrapped.
bool error_must_pass() noexcept;

/// Sets PyExc_ValueError for a message that says what no encoder wrote.
void raise_corrupted() noexcept;

/// Up to 60 characters of repr(object), for paths, or "?" for null; never fails, leaves no
/// error set.
std::string short_repr(PyObject* object) noexcept;

}  // namespace libatoll::transfer
