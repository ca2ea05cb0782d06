// Modules that the main interpreter imports before atoll creates its first interpreter.
#pragma once

#include "runtime/interpreter.hpp"

namespace atoll::runtime {

/// Imports them, in the main interpreter; does nothing the second time. The calling thread is
/// attached to `current`. Failures are ignored: what cannot be imported there cannot crash elsewhere.
void preload_for(Interpreter& current);

}  // namespace atoll::runtime
