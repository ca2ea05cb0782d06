// Ending the waits of an interpreter that is being closed.
//
// The runtime calls, in this order:
//   begin_closing(id)      every wait on behalf of `id` ends with Status::interpreter_closed, also
//   one
//                          that begins later; what needs no wait goes on working
//   ...                    running code ends, the interpreter's objects are torn down
//   end_closing(id)        the id is forgotten (or: the closing was cancelled)
// Process exit: begin_closing_all(); there is no way back, except for end_closing_all() in tests
// and in embedding programs that initialise Python again.
#pragma once

#include "core/base/status.hpp"

namespace libatoll::core {

/// no_memory: too many interpreters are being closed at once to note one more; nothing was done.
Status begin_closing(InterpreterId id) noexcept;
void end_closing(InterpreterId id) noexcept;

void begin_closing_all() noexcept;
void end_closing_all() noexcept;

/// A load and a comparison while nothing is being closed.
[[nodiscard]] bool is_closing_interpreter(InterpreterId id) noexcept;

}  // namespace libatoll::core
