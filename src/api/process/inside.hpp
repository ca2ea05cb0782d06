// How every function of the public API enters an interpreter.
#pragma once

#include <Python.h>

#include "api/process/process.hpp"
#include "atoll/error.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/session/session.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::api {

/// Thrown inside a session with a Python error set.
struct PythonRaised {};

/// Passes on what a call into CPython has made; throws PythonRaised if it failed.
[[nodiscard]] inline py::Ref check(PyObject* made) {
  if (!made) throw PythonRaised();
  return py::Ref::steal(made);
}
inline void check_status(int status) {
  if (status != 0) throw PythonRaised();
}

/// Calls what may run Python code and returns a new reference.
template <class Call>
[[nodiscard]] py::Ref check_call(Call call) {
  return check(py::guarded(call));
}

/// Sets atoll up in the session's interpreter, if need be. Throws PythonRaised.
void enter(runtime::Interpreter& target);

/// The Python error that is set, as a C++ exception; it is cleared.
[[nodiscard]] ExecutionFailed take_failure(runtime::Interpreter& target) noexcept;

/// The interrupt was reported by an exception: it must not be raised again in the main interpreter.
void consume_interrupt() noexcept;

/// Runs `body` inside `target`. It may throw PythonRaised; other exceptions pass with Python's
/// error indicator clear.
template <class Body>
auto enter_and_run(runtime::Interpreter& target, Body body) -> decltype(body()) {
  using runtime::Session;
  if (!target.is_main() && target.is_closed()) throw InterpreterNotFoundError(target.id());
  const Process::Use use(target.is_main() ? Process::Need::main : Process::Need::other);
  // The gate must be open again when this one goes.
  struct CloseIfDue {
    runtime::Interpreter& target;
    ~CloseIfDue() { runtime::lifecycle::close_if_due(target); }
  } const close_if_due{target};
  std::optional<ExecutionFailed> failure;
  bool interrupted = false;
  runtime::signals::forget_handled();
  {
    Session session(target, target.is_main() ? Session::Access::pin : Session::Access::run);
    try {
      enter(target);
      return body();
    } catch (const PythonRaised&) {
      failure.emplace(take_failure(target));
    }
    session.leave();
    interrupted = session.interrupted();
  }
  if (interrupted) consume_interrupt();
  throw *std::move(failure);
}

}  // namespace libatoll::api
