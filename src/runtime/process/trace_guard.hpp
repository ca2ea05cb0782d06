// Keeps tracemalloc and other interpreters apart, on the CPython versions that crash with both.
//
// Its tables hold names of files that belong to the interpreter that allocated; on 3.12 and 3.14
// they stay there when that interpreter ends: freed memory is read, or freed again. CPython's own
// interpreters crash as well.
#pragma once

#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::lifecycle {

/// From now on `tracemalloc.start()` raises RuntimeError while interpreters other than the main one
/// are open. In the main interpreter, once. Leaves no error set.
void guard_tracemalloc() noexcept;

/// Throws InterpreterError if tracemalloc traces. The calling thread is attached to `current`.
void refuse_while_tracing(Interpreter& current);

}  // namespace libatoll::runtime::lifecycle
