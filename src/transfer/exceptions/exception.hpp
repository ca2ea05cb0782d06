// Exceptions that travel: a snapshot of plain strings, and the pickled original where there is one.
#pragma once

#include <Python.h>

#include <optional>
#include <string>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::transfer {

/// Strings are UTF-8 with lone surrogates kept ("surrogatepass").
struct ExceptionSnapshot {
  std::string type_name;
  std::string type_qualname;
  std::string type_module;
  std::string message;                    ///< str(exc), or a placeholder if that raised
  std::string formatted;                  ///< "Name: message"
  std::optional<std::string> errdisplay;  ///< full traceback text, no final newline
  std::optional<core::Message> original;  ///< the exception object, where it can travel
};

/// Never fails and leaves no error set: what cannot be read is replaced by a placeholder. Runs
/// Python code (`__str__`, traceback formatting). With `original` the exception itself is encoded,
/// too, in that mode.
ExceptionSnapshot capture(Context& context, PyObject* exception,
                          std::optional<Mode> original = {}) noexcept;

/// The `types.SimpleNamespace` of PEP 734 ("excinfo").
py::Ref to_namespace(Context& context, const ExceptionSnapshot& snapshot);

/// The original exception, or empty (no error set) when it cannot be rebuilt here. `cause` (an
/// exception, or null for one that holds the remote traceback as text) becomes the cause at the far
/// end of its chain, so that it is shown first.
py::Ref rebuild(Context& context, const ExceptionSnapshot& snapshot,
                PyObject* cause = nullptr) noexcept;

/// A NotShareableError on its way back to the caller: the function, the arguments or the result of
/// a call could not be sent.
struct Refusal {
  std::string message;
  std::optional<std::string> cause;  ///< traceback text of its cause
};

/// Never fails and leaves no error set.
Refusal capture_refusal(Context& context, PyObject* exception) noexcept;
/// Sets NotShareableError(message) from Exception(cause).
void raise_refusal(Context& context, const Refusal& refusal);

}  // namespace libatoll::transfer
