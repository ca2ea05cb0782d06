#include <Python.h>

#include "api/channel/blocking.hpp"

#include <new>

#include "api/process/inside.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/pool/blocking.hpp"

namespace libatoll::api {

Blocked block_on(std::span<core::Operation* const> operations, Timeout timeout, core::Order order,
                 const CancelToken* token) {
  core::WaitOptions options{core::Deadline::after(timeout.seconds())};
  if (PyThreadState* const state = py::attached_thread_state()) {
    options.interpreter = PyInterpreterState_GetID(PyThreadState_GetInterpreter(state));
  }
  core::Wait wait(operations, options, order);
  const core::Selected selected = wait.start();
  if (selected.status != core::Status::pending) return {selected, {}};
  const runtime::Blocked blocked = runtime::block_on(wait, token);
  switch (blocked.interruption) {
    case runtime::Interruption::none:
      break;
    case runtime::Interruption::raised:
      return {blocked.selected, take_failure(*runtime::Registry::instance().current())};
    case runtime::Interruption::ctrl_c:
      return {blocked.selected, ExecutionFailed("KeyboardInterrupt", "", "")};
  }
  return {blocked.selected, {}};
}

void throw_common(core::Status status) {
  if (status == core::Status::no_memory) throw std::bad_alloc();
  if (status == core::Status::interpreter_closed) {
    throw InterpreterError(
        "the interpreter that this thread is in is being closed: it cannot wait any more");
  }
}

}  // namespace libatoll::api
