// Blocking in atoll: timeouts as Python callers give them, and waits that let go of the GIL.
#pragma once

#include <Python.h>

#include <span>

#include "core/base/deadline.hpp"
#include "core/base/status.hpp"
#include "core/parking/cancel_token.hpp"
#include "core/wait/operation.hpp"
#include "core/wait/select.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// Seconds, or never.
struct Timeout {
  bool given = false;
  double seconds = 0;

  [[nodiscard]] bool is_zero() const noexcept { return given && seconds == 0; }
  /// Counted from now.
  [[nodiscard]] core::Deadline deadline() const noexcept {
    return given ? core::Deadline::after(seconds) : core::Deadline::never();
  }
};

/// From None (or null: not given) or a number of any size; fractions count. False with TypeError
/// (not a number) or ValueError (negative, NaN) set.
[[nodiscard]] bool parse_timeout(PyObject* object, Timeout& out);

/// From a number of any size: not None, not NaN. False with a Python error set, in which `what`
/// names it.
[[nodiscard]] bool parse_number(PyObject* object, const char* what, double& out);

/// From a number: not None, not negative, not NaN. False with a Python error set, in which `what`
/// names it.
[[nodiscard]] bool parse_seconds(PyObject* object, const char* what, double& out);

using core::CancelToken;

struct Blocked {
  core::Status status;
  /// A Python error is set (a signal handler's, or KeyboardInterrupt). The operation was cancelled,
  /// unless `status` is ok: somebody was faster, and the caller must not lose what came.
  bool raised = false;
};

/// Waits for `operation` on behalf of the calling interpreter, without its GIL. Signal handlers run
/// meanwhile, and the operation keeps its place in line and its deadline. Statuses: those of the
/// operation, timed_out, interpreter_closed, no_memory; and `cancelled`, without an error, if it
/// was cancelled.
[[nodiscard]] Blocked block_on(const State& state, core::Operation& operation,
                               core::Deadline deadline, const CancelToken* token = nullptr);

struct BlockedOnAny {
  core::Selected selected;
  bool raised = false;  ///< as in Blocked
};

/// The same for the first of several; `wait` was not waited with yet. `cancelled`, without an
/// error: it was cancelled.
[[nodiscard]] BlockedOnAny block_on_any(core::Wait& wait, const CancelToken* token);

/// Sets the Python error for the statuses that mean the same everywhere: interpreter_closed
/// (InterpreterError), no_memory (MemoryError). False for all others.
bool raise_common(const State& state, core::Status status);

}  // namespace libatoll::bindings
