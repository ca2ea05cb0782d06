// Modules that the main interpreter imports before atoll creates its first interpreter.
#pragma once

#include "py/ref.hpp"
#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime {

/// Imports them, in the main interpreter; does nothing the second time. The calling thread is
/// attached to `current`. Failures are ignored: what cannot be imported there cannot crash
/// elsewhere. But a signal handler may run meanwhile or, for SIGINT, right after, and what it
/// raises is the caller's, as is MemoryError: Status::error with that set or, where it was raised
/// in another interpreter than `current`, an InterpreterError.
[[nodiscard]] py::Status preload_for(Interpreter& current);
/// CPython has ended; one that is started anew imports them anew.
void forget_preloaded() noexcept;

}  // namespace libatoll::runtime
