// Leaving the process while interpreters are still open, or still at work.
#include <chrono>

#include "atoll/base/error.hpp"
#include "core/wait/closing.hpp"
#include "py/cpython_compat.hpp"
#include "py/loaded_module.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/exit_flag.hpp"
#include "runtime/process/exit_memory.hpp"
#include "runtime/process/hooks.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/process/own_threads.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

// How long a thread that still runs Python code in another interpreter may take to notice that it
// is told to stop. Python code does so at once; what is blocked in C (time.sleep) cannot, and is
// left to the end of the process.
constexpr auto patience = std::chrono::milliseconds(500);

/// Raises SystemExit in whoever runs `target`. By now only daemon threads and threads that are not
/// Python's can be there: `threading` has joined all others.
void stop_runner(Interpreter& target) {
  {
    Session session(target, Session::Access::close);
    if (!target.is_running()) return;
    target.set_stopped_for_exit();
    PyThreadState_SetAsyncExc(target.runner(), PyExc_SystemExit);
  }
  const py::Detached detached;
  (void)target.wait_until_idle(std::chrono::steady_clock::now() + patience);
}

void prepare(Interpreter& target) {
  if (target.is_closed()) return;
  // Whoever is blocked in atoll on its behalf gets an error.
  (void)core::begin_closing(target.id());
  if (target.is_running()) stop_runner(target);
  if (target.is_running()) return;
  Session session(target, Session::Access::close);
#if ATOLL_EXIT_ENDS_LEFTOVER_INTERPRETERS
  if (target.is_own()) {
    // CPython's finalization expects to find no other thread in it.
    py::call_if_loaded("threading", "_shutdown");
    // Unfinished lines, while the interpreter that they go to can still be entered.
    py::call_if_loaded("atoll._output", "flush");
  }
#endif
  target.delete_slots_except(session.thread_state());
  if (target.is_own() && !end_own_threads(target, patience)) forget_own_threads(target);
}

/// Those that were closed, but whose threads did not end then.
void prepare_left(Interpreter& target) {
  if (!target.is_own() || !target.is_closed() || target.has_ended()) return;
  {
    const Session session(target, Session::Access::close);
    target.delete_slots_except(session.thread_state());
    if (!end_own_threads(target, patience)) forget_own_threads(target);
  }
#if !ATOLL_EXIT_ENDS_LEFTOVER_INTERPRETERS
  finish_close(target);
#endif
}

}  // namespace

void prepare_exit() noexcept {
  // Those that are left: of interpreters that nobody has closed, and those whose end was not waited
  // for. While their threads can still enter interpreters.
  if (const Hooks* const pools = pool_hooks()) {
    pools->process_ends(core::Deadline::after(std::chrono::duration<double>(patience).count()));
  }
  set_exiting(true);
  // list() forgets what others have ended without telling us.
  for (const InterpreterHandle& record : Registry::instance().list()) {
    if (record->is_main()) continue;
    try {
      prepare(*record);
#if !ATOLL_EXIT_ENDS_LEFTOVER_INTERPRETERS
      if (record->is_own() && !record->is_running()) close(*record);
#endif
    } catch (const std::exception&) {
      // Closed meanwhile, or no memory for a thread state: CPython's finalization copes, or nobody.
    }
  }
  for (const InterpreterHandle& record : Registry::instance().known()) {
    try {
      prepare_left(*record);
    } catch (const std::exception&) {
      // Another thread is just ending it.
    }
  }
  keep_freed_memory();
}

}  // namespace libatoll::runtime::lifecycle
