// A session: the span in which the calling thread runs inside another interpreter.
//
//   Session session(interpreter, Session::Access::run);   // attached to it now
//   PyRun_SimpleString("...");
//   session.leave();                                      // back where the thread was
//
// The thread keeps one PyThreadState per interpreter, made at the first session and reused after
// that (PyThreadState_New() and Delete() cost over 100 us on the main thread of 3.14). Sessions
// nest; they belong to one thread. A thread that had no thread state attached is left without one,
// and with its PyGILState binding as it was.
#pragma once

#include <Python.h>

#include "runtime/interpreter/interpreter.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::runtime {

class Session {
 public:
  enum class Access {
    run,     ///< runs `__main__`: one thread at a time, seen by is_running()
    pin,     ///< merely inside: keeps the interpreter from being closed
    close,   ///< the caller has begun to close it: the gate is not asked
    tenant,  ///< the caller has been given the right to run it before: the gate is not asked
  };

  /// Throws InterpreterNotFoundError if it is closed, InterpreterError if it is already running.
  Session(Interpreter& target, Access access);
  ~Session() { leave(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Ends the session; no Python error may be set. Does nothing the second time.
  void leave() noexcept;
  /// For Access::close, after Py_EndInterpreter(): there is nothing to leave, only the former
  /// thread state to attach again.
  void abandon() noexcept;

  /// The thread state that the session has made for itself goes when it ends, instead of being kept
  /// for the next one: for a thread that comes once, and then waits elsewhere. Tools that read all
  /// thread states make little of one without frames (CPython 3.15.0's profiling.sampling drops the
  /// sample).
  void keep_no_thread_state() noexcept { keeps_thread_state_ = false; }

  /// Ctrl-C was delivered to this session: the code in it was told to stop.
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }
  /// The thread state of the session.
  [[nodiscard]] PyThreadState* thread_state() const noexcept { return inside_; }

  /// The calling thread has frames in `interpreter` that wait for a session to end.
  [[nodiscard]] static bool calling_thread_came_from(const Interpreter& interpreter) noexcept;

  [[nodiscard]] Interpreter& target() const noexcept { return *target_; }

 private:
  void release_gate() noexcept;
  [[noreturn]] static void refuse_at_exit();

  InterpreterHandle target_;
  Access access_;
  PyThreadState* caller_ = nullptr;  ///< attached when the session began
  PyThreadState* prior_ = nullptr;   ///< PyGILState's, when nothing was attached
  PyThreadState* inside_ = nullptr;
  ThreadStateSlot* slot_ = nullptr;  ///< null if inside_ is not from the cache
  Session* outer_ = nullptr;
  signals::Watch watch_;
  bool switched_ = false;
  bool keeps_thread_state_ = true;
  bool interrupted_ = false;
  bool active_ = false;
};

/// The thread states that the calling thread has in other interpreters.
namespace thread_cache {
/// Registers a fresh thread state of the calling thread, made by somebody else (interpreter
/// creation).
void adopt(Interpreter& interpreter, PyThreadState* state);
/// After fork(), in the child.
void forget_after_fork() noexcept;
}  // namespace thread_cache

}  // namespace libatoll::runtime
