#include "runtime/pool/blocking.hpp"

#include <Python.h>

#include "py/thread_state.hpp"
#include "runtime/pool/pool_task.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::runtime {

namespace {

/// After a wait was interrupted, inside an interpreter.
Interruption what_interrupts() {
  // Runs Python-level handlers, on the main thread of the main interpreter only.
  if (PyErr_CheckSignals() != 0 || !may_wait_on()) return Interruption::raised;
  return signals::take_interrupt() ? Interruption::ctrl_c : Interruption::none;
}

}  // namespace

Blocked block_on(core::Wait& wait, const core::CancelToken* token) {
  const bool is_inside = py::attached_thread_state() != nullptr;
  if (is_inside) signals::prepare_to_block();
  for (;;) {
    core::Selected selected;
    {
      const py::Detached detached;
      selected = wait.wait();
    }
    if (selected.status != core::Status::interrupted) return {selected};
    const Interruption interruption = is_inside ? what_interrupts() : Interruption::none;
    if (interruption != Interruption::none) return {wait.cancel(), interruption};
    if (token && token->is_cancelled()) return {wait.cancel()};
  }
}

}  // namespace libatoll::runtime
