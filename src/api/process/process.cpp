#include "api/process/process.hpp"

#include <cstdlib>

#include "api/process/start.hpp"
#include "atoll/error.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/errors.hpp"
#include "runtime/interpreter/exit_flag.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/pool/ending.hpp"
#include "runtime/pool/pool.hpp"
#include "runtime/pool/pool_list.hpp"
#include "runtime/process/fork_guard.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/process/preload.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::api {

using runtime::InterpreterHandle;
using runtime::Registry;
using runtime::Session;
namespace lifecycle = runtime::lifecycle;

namespace {

// How long code that is told to stop may take to do so. Python code does at once; what is blocked
// in C cannot.
constexpr auto patience = std::chrono::milliseconds(500);

core::Deadline patience_from_now() {
  return core::Deadline::after(std::chrono::duration<double>(patience).count());
}

/// Raises SystemExit in whoever runs `target`; true if nobody does after that.
bool stop_runner(runtime::Interpreter& target) {
  {
    Session session(target, Session::Access::pin);
    if (target.is_running()) PyThreadState_SetAsyncExc(target.runner(), PyExc_SystemExit);
  }
  return target.wait_until_idle(std::chrono::steady_clock::now() + patience);
}

/// False if it cannot be closed because it is at work.
bool try_close(runtime::Interpreter& target) {
  while (!target.is_closed()) {
    try {
      lifecycle::close(target);
    } catch (const InterpreterNotFoundError&) {
      break;  // somebody was faster
    } catch (const InterpreterError&) {
      if (!stop_runner(target)) return false;
    }
  }
  return true;
}

/// Waits for the main interpreter's Python threads, which may use other interpreters, as
/// Py_FinalizeEx() will do once more. False: a Ctrl-C ended the wait.
bool join_python_threads() {
  const py::Ref name = py::Ref::steal(PyUnicode_FromString("threading"));
  const py::Ref threading = py::Ref::steal(name ? PyImport_GetModule(name.get()) : nullptr);
  if (threading) {
    const py::Ref done = py::Ref::steal(PyObject_CallMethod(threading.get(), "_shutdown", nullptr));
  }
  if (!PyErr_Occurred()) return true;
  const bool interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
  PyErr_WriteUnraisable(threading.get());
  return !interrupted;
}

/// Lets go of what atoll holds in the main interpreter when CPython clears that: after the last
/// Python code has run (atexit callbacks and destructors may still use atoll), before its memory
/// goes.
py::Status release_with_interpreter(runtime::Interpreter& main) {
  constexpr const char* name = "atoll.main";
  PyObject* names = PyInterpreterState_GetDict(PyInterpreterState_Get());
  if (!names) return py::Status::error;
  main.retain();
  const py::Ref capsule = py::Ref::steal(PyCapsule_New(&main, name, [](PyObject* self) {
    auto* record = static_cast<runtime::Interpreter*>(PyCapsule_GetPointer(self, name));
    record->clear_context();
    record->release();
  }));
  if (!capsule) return main.release(), py::Status::error;
  return PyDict_SetItemString(names, name, capsule.get()) == 0 ? py::Status::ok : py::Status::error;
}

}  // namespace

Process& Process::instance() noexcept {
  static Process* const process = new Process;
  return *process;
}

// --- users ---------------------------------------------------------------------------------------

Process::Use::Use(Need need) : need_(need) {
  Process& process = instance();
  // Sequentially consistent, as closing_ is: either we see that it is being closed, or we are seen.
  process.users(need).fetch_add(1);
  const bool closing = process.closing_.load();
  if (!closing && Py_IsInitialized()) return;
  process.drop_user(need);
  throw InterpreterError(closing ? "the Python runtime is being closed"
                                 : "Python is not running: an atoll::Runtime starts it");
}

Process::Use::~Use() {
  instance().drop_user(need_);
}

std::atomic<int>& Process::users(Need need) noexcept {
  return need == Need::main ? users_of_main_ : users_of_others_;
}

void Process::drop_user(Need need) noexcept {
  if (users(need).fetch_sub(1) != 1 || !closing_.load()) return;
  const std::lock_guard lock(users_mutex_);
  users_gone_.notify_all();
}

bool Process::wait_for_users(Need need) {
  std::unique_lock lock(users_mutex_);
  return users_gone_.wait_for(lock, patience, [&] { return users(need).load() == 0; });
}

// --- start and end -------------------------------------------------------------------------------

bool Process::start(const RuntimeOptions& options) {
  // Not under the mutex: Python code that runs while CPython ends may get here.
  if (Py_IsInitialized()) return false;
  const std::lock_guard lock(starting_);
  if (Py_IsInitialized()) return false;
  start_cpython(options);
  runtime::Interpreter* main = lifecycle::join_current();
  if (!main || py::failed(release_with_interpreter(*main))) {
    const std::string text = runtime::take_error_text();
    Py_FinalizeEx();
    throw StartupError("atoll cannot be set up in the main interpreter: " + text);
  }
  starter_ = std::this_thread::get_id();
  started_ = true;
  state_ = PyEval_SaveThread();
  static std::once_flag once;
  std::call_once(once, [] { std::atexit([] { instance().finish_at_exit(); }); });
  return true;
}

/// The ids of those that could not be closed, or nothing.
std::string Process::close_leftovers() {
  std::string busy;
  for (const InterpreterHandle& record : Registry::instance().known()) {
    if (!record->is_own() || try_close(*record)) continue;
    busy += (busy.empty() ? "" : ", ") + std::to_string(record->id());
  }
  return busy;
}

void Process::finish_pools() {
  PyEval_RestoreThread(state_);
  // The threads may still submit. A Ctrl-C while they are waited for is one for the pools too: it
  // is gone when those are looked at.
  const bool go_on = runtime::PoolList::instance().all().empty() || join_python_threads();
  const bool all =
      go_on ? runtime::finish_pools(nullptr) : runtime::stop_pools(patience_from_now());
  state_ = PyEval_SaveThread();
  if (!all) throw InterpreterError("tasks of a pool still run");
}

void Process::leave_main_only() {
  if (!wait_for_users(Need::main)) {
    throw InterpreterError("another thread still uses the main interpreter");
  }
  PyEval_RestoreThread(state_);
  (void)join_python_threads();
  state_ = PyEval_SaveThread();
  // From now on nobody can make pools, or workers.
  finish_pools();
  if (const std::string busy = close_leftovers(); !busy.empty()) {
    throw InterpreterError("code still runs in interpreter " + busy);
  }
  // Calls into what is closed now are on their way out.
  if (!wait_for_users(Need::other)) {
    throw InterpreterError("another thread still uses an interpreter that atoll did not create");
  }
}

void Process::finish() {
  const std::lock_guard lock(starting_);
  if (!started_) return;
  if (std::this_thread::get_id() != starter_) {
    throw InterpreterError("the runtime must be closed by the thread that started it");
  }
  if (py::attached_thread_state()) {
    throw InterpreterError("the runtime cannot be closed from inside an interpreter");
  }
  // Their tasks may use whatever they like until they are over.
  finish_pools();
  closing_ = true;
  try {
    leave_main_only();
  } catch (...) {
    closing_ = false;
    // Whose last handle went meanwhile is closed now.
    for (const InterpreterHandle& record : Registry::instance().known()) {
      lifecycle::close_if_due(*record);
    }
    throw;
  }

  PyEval_RestoreThread(state_);
  const int status = Py_FinalizeEx();
  started_ = false;
  state_ = nullptr;
  Registry::instance().after_finalization();
  runtime::lifecycle::forget_fork_guard();
  runtime::forget_preloaded();
  lifecycle::set_exiting(false);
  closing_ = false;
  if (status < 0) throw InterpreterError("Python could not write out its buffered output");
}

void Process::finish_at_exit() noexcept {
  // On another thread, or out of an interpreter, CPython is left to the end of the process.
  if (!started_ || std::this_thread::get_id() != starter_ || py::attached_thread_state()) return;
  try {
    if (!runtime::stop_pools(patience_from_now())) return;
    finish();
  } catch (const std::exception&) {
    // Threads are still at work: they end with the process.
  }
}

}  // namespace libatoll::api
