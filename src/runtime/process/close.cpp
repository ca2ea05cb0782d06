#include "runtime/process/close.hpp"

#include <chrono>
#include <string>

#include "atoll/base/error.hpp"
#include "core/registry/registry.hpp"
#include "core/wait/closing.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/errors.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/process/own_threads.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

/// Whether threads that do not come from atoll are, or may be, in `target`.
bool has_foreign_thread_states(const Interpreter& target) {
  std::size_t count = 0;
  for (auto* state = PyInterpreterState_ThreadHead(target.state()); state;
       state = PyThreadState_Next(state)) {
    ++count;
  }
  return count > target.slot_count();
}

/// How long daemon threads may take to end when their interpreter is closed.
constexpr auto patience_with_threads = std::chrono::seconds(2);

/// Inside of it, by whoever closes it.
void end_for_good(Session& session) {
  const Registry::EndingScope scope(Registry::instance());
  release_foreign_threads();
  py::guarded([&] { Py_EndInterpreter(session.thread_state()); });
  session.abandon();
}

void forget(Interpreter& target) {
  target.end_close();
  Registry::instance().remove(target);
}

void warn_of_threads(const Interpreter& target, const std::string& names) {
  PyObject* const error = PyErr_GetRaisedException();
  if (PyErr_WarnFormat(
          PyExc_ResourceWarning, 1,
          "interpreter %lld is closed, but its memory is kept: daemon threads of it do "
          "not end (%s)",
          static_cast<long long>(target.id()), names.c_str()) < 0) {
    PyErr_WriteUnraisable(nullptr);
  }
  PyErr_SetRaisedException(error);
}

}  // namespace

void end(Interpreter& target) {
  // Its own threads may be blocked in atoll: they get an error, and CPython can join them.
  (void)core::begin_closing(target.id());
  std::string left;
  {
    Session session(target, Session::Access::close);
    target.delete_slots_except(session.thread_state());
    if (end_own_threads(target, patience_with_threads)) {
      end_for_good(session);
    } else {
      left = names_of_threads();
    }
  }
  core::interpreter_gone(target.id());
  if (left.empty()) forget(target);
  if (!py::attached_thread_state()) return;
  // It may have held objects of the caller's.
  Registry::instance().current()->held().drain();
  if (!left.empty()) warn_of_threads(target, left);
}

void close(Interpreter& target) {
  if (target.is_main()) throw InterpreterError("cannot destroy the main interpreter");
  if (target.is_closed()) throw InterpreterNotFoundError(target.id());
  PyThreadState* const caller = py::attached_thread_state();
  if (caller && PyThreadState_GetInterpreter(caller) == target.state()) {
    throw InterpreterError("cannot destroy the current interpreter");
  }
  if (Session::calling_thread_came_from(target)) throw InterpreterError("interpreter running");
  Interpreter::Admission admission;
  {
    const py::Detached detached;
    admission = target.begin_close();
  }
  if (admission == Interpreter::Admission::admitted && !target.is_own() &&
      has_foreign_thread_states(target)) {
    target.cancel_close();
    throw InterpreterError("cannot destroy interpreter " + std::to_string(target.id()) +
                           ": atoll did not create it, and others have thread states in it");
  }
  switch (admission) {
    case Interpreter::Admission::running:
      throw InterpreterError("interpreter running");
    case Interpreter::Admission::closed:
      throw InterpreterNotFoundError(target.id());
    case Interpreter::Admission::admitted:
      end(target);
  }
}

void finish_close(Interpreter& target) {
  {
    Session session(target, Session::Access::close);
    end_for_good(session);
  }
  forget(target);
}

void release_reference(Interpreter& target) noexcept {
  if (!target.decref()) return;
  // If it runs right now, whoever runs it closes it on the way out.
  target.close_when_idle();
  close_if_due(target);
}

void close_if_due(Interpreter& target) noexcept {
  while (!target.is_running() && target.take_close_when_idle()) {
    try {
      close(target);
      return;
    } catch (const InterpreterNotFoundError&) {
      return;  // somebody was faster
    } catch (const InterpreterError&) {
      // It has started to run again, or it is the caller's own: later.
      target.close_when_idle();
      if (!target.is_running()) return;
    }
  }
}

}  // namespace libatoll::runtime::lifecycle
