// Ctrl-C while the main thread runs inside another interpreter.
//
// CPython runs signal handlers only in the main interpreter, so code that the main thread runs in
// another one cannot be interrupted (CPython issues 113130, 137173). atoll puts a C handler in
// front of CPython's SIGINT handler: it calls CPython's, then wakes a helper thread, which attaches
// to the interpreter that the main thread is in and raises KeyboardInterrupt there
// (PyThreadState_SetAsyncExc). The interrupt belongs to one session: if that ends first, it is
// taken back. The Python-level handler then runs in the main interpreter as always.
//
// A handler of the user's own (anything but signal.default_int_handler) is not pre-empted by the
// first SIGINT: it runs when the call returns; a second SIGINT meanwhile stops the code.
#pragma once

#include <cstdint>

#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::signals {

/// Records the thread that CPython calls the main one. In the main interpreter, with its GIL.
void note_main_thread();
[[nodiscard]] bool on_main_thread() noexcept;

/// Call before the main thread runs code in another interpreter, and before it lets CPython handle
/// the signals that have come so far: later ones are meant for that code, earlier ones are not.
void forget_handled() noexcept;

/// One session of the main thread.
struct Watch {
  bool active = false;
  std::uint32_t deliveries = 0;  ///< interrupts delivered before it began
  Interpreter* outer = nullptr;  ///< what was watched before
};

/// Call on the main thread, inside the session's interpreter.
[[nodiscard]] Watch begin_watch(Interpreter& target) noexcept;
/// Call inside, as the last thing; may give up the GIL for a moment. True if an interrupt was
/// delivered meanwhile, to this session or to one inside it.
bool end_watch(const Watch& watch) noexcept;

/// Before the calling thread blocks in atoll: if it is the main thread, SIGINT ends its wait with
/// core::Status::interrupted, however close to the system call it comes. Other signals do, too; one
/// that comes just before it is a millisecond late (core::Parker::heed_signals).
void prepare_to_block() noexcept;
/// After a wait was interrupted, inside: was an interrupt delivered to the session that the main
/// thread is in? True once per interrupt; the caller raises KeyboardInterrupt.
[[nodiscard]] bool take_interrupt() noexcept;

void after_fork_in_child() noexcept;

}  // namespace libatoll::runtime::signals
