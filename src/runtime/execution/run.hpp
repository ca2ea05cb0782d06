// Running code in another interpreter: messages in, messages out.
#pragma once

#include <cstdint>
#include <optional>

#include "core/memory/message.hpp"
#include "runtime/interpreter/interpreter.hpp"
#include "transfer/exceptions/exception.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::runtime {

enum class Outcome : std::uint8_t {
  returned,       ///< `value` holds the result (nothing for scripts)
  raised,         ///< the code let `exception` escape
  not_shareable,  ///< arguments not read there, or the result not sent: `exception` says why
};

struct RunResult {
  Outcome outcome = Outcome::returned;
  /// Ctrl-C was delivered: the caller raises KeyboardInterrupt unless the code returned.
  bool interrupted = false;
  core::Message value;
  std::optional<transfer::ExceptionSnapshot> exception;
};

// All of these run in the calling thread, in `__main__` of the target, and throw InterpreterError
// if it is already running, InterpreterNotFoundError if it is closed. The caller keeps its thread
// state and must have no Python error set. Messages are consumed: large buffers arrive uncopied.

/// Calls what transfer::encode_call() has packed.
RunResult enter_and_call(Interpreter& target, core::Message&& call);

/// Evaluates what transfer::encode_script() has packed, after binding `names` (as bind_in_main();
/// empty: none).
RunResult run_script(Interpreter& target, const core::Message& script, core::Message&& names);

/// Binds names in `__main__`: a message that holds a tuple of names and values, alternating.
RunResult bind_in_main(Interpreter& target, core::Message&& names);

// The rest is for a thread that is inside already, with the GIL, and has no Python error set. What
// uncaught exceptions were travels along as an object where it can.

/// As enter_and_call().
void call_in_current(transfer::Context& context, const core::Message& call,
                     transfer::Mode result_mode, RunResult& result);
void call_in_current(transfer::Context& context, core::Message&& call, transfer::Mode result_mode,
                     RunResult& result, transfer::CallSpan& span);
/// Takes the Python error that is set as what the code let escape.
void take_uncaught(transfer::Context& context, RunResult& result);

/// `calls` holds a function and a list of tuples, its arguments. The value is the list of results:
/// of all calls, or of those before the first that failed, whose exception is the result's.
void map_in_current(transfer::Context& context, core::Message&& calls, transfer::Mode result_mode,
                    RunResult& result, transfer::CallSpan& span);

}  // namespace libatoll::runtime
