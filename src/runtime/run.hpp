// Running code in another interpreter: messages in, messages out.
#pragma once

#include <cstdint>
#include <optional>

#include "core/message.hpp"
#include "runtime/interpreter.hpp"
#include "transfer/exception.hpp"

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
// state and must have no Python error set.

/// Calls what transfer::encode_call() has packed. `keep_exception` also carries the exception
/// object.
RunResult run_call(Interpreter& target, const core::Message& call, bool keep_exception = false);

/// Evaluates what transfer::encode_script() has packed, after binding `names`, if any.
RunResult run_script(Interpreter& target, const core::Message& script, const core::Message* names);

/// Binds names in `__main__`: a message that holds a tuple of names and values, alternating.
RunResult bind_in_main(Interpreter& target, const core::Message& names);

}  // namespace libatoll::runtime
