#include <Python.h>

#include "api/channel/blocking.hpp"

#include <new>

#include "api/process/inside.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/pool/pool_task.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::api {

namespace {

/// After a wait was interrupted, inside an interpreter: what ends it, if anything does.
std::optional<ExecutionFailed> pending_interrupt() {
  // Runs Python-level handlers, on the main thread of the main interpreter only.
  if (PyErr_CheckSignals() != 0) return take_failure(*runtime::Registry::instance().current());
  if (!runtime::may_wait_on()) return take_failure(*runtime::Registry::instance().current());
  if (!runtime::signals::take_interrupt()) return {};
  return ExecutionFailed("KeyboardInterrupt", "", "");
}

}  // namespace

Blocked block_on(std::span<core::Operation* const> operations, Timeout timeout, core::Order order,
                 const CancelToken* token) {
  core::WaitOptions options{core::Deadline::after(timeout.seconds())};
  PyThreadState* const state = py::attached_thread_state();
  if (state) {
    options.interpreter = PyInterpreterState_GetID(PyThreadState_GetInterpreter(state));
    runtime::signals::prepare_to_block();
  }
  core::Wait wait(operations, options, order);
  core::Selected selected = wait.start();
  while (selected.status == core::Status::pending || selected.status == core::Status::interrupted) {
    {
      const py::Detached detached;
      selected = wait.wait();
    }
    if (selected.status != core::Status::interrupted) break;
    if (token && token->is_cancelled()) return {wait.cancel(), {}};
    if (!state) continue;
    if (auto failure = pending_interrupt()) return {wait.cancel(), std::move(failure)};
  }
  return {selected, {}};
}

void throw_common(core::Status status) {
  if (status == core::Status::no_memory) throw std::bad_alloc();
  if (status == core::Status::interpreter_closed) {
    throw InterpreterError(
        "the interpreter that this thread is in is being closed: it cannot wait any more");
  }
}

}  // namespace libatoll::api
