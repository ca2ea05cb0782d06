// Modules that the main interpreter imports before atoll creates its first interpreter.
#pragma once

#include "runtime/interpreter.hpp"

namespace libatoll::runtime {

/// Imports them, in the main interpreter; does nothing the second time. The calling thread is
/// attached to `current`. Failures are ignored: what cannot be imported there cannot crash
/// elsewhere.
void preload_for(Interpreter& current);
/// CPython has ended; one that is started anew imports them anew.
void forget_preloaded() noexcept;

}  // namespace libatoll::runtime
