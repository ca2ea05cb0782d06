// The end of an interpreter, for those who have made it.
#pragma once

#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::lifecycle {

/// Ends `target`, which nobody else can enter any more (Interpreter::begin_close()).
void end(Interpreter& target);

}  // namespace libatoll::runtime::lifecycle
