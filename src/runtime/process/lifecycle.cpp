#include "runtime/process/lifecycle.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>

#include "atoll/base/error.hpp"
#include "core/base/reclaim.hpp"
#include "core/registry/registry.hpp"
#include "core/wait/closing.hpp"
#include "py/cpython_compat.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/extensions/import_hook.hpp"
#include "runtime/interpreter/config.hpp"
#include "runtime/interpreter/errors.hpp"
#include "runtime/pool/ending.hpp"
#include "runtime/pool/pool_list.hpp"
#include "runtime/pool/timeout_thread.hpp"
#include "runtime/process/exit_flag.hpp"
#include "runtime/process/fork_guard.hpp"
#include "runtime/process/own_threads.hpp"
#include "runtime/process/preload.hpp"
#include "runtime/process/trace_guard.hpp"
#include "runtime/session/session.hpp"
#include "runtime/session/signals.hpp"
#include "transfer/memory/release_list.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

/// The thread (PyThread_get_thread_ident) in which the process exits, or 0.
std::atomic<unsigned long> exiting_thread{0};

std::mutex bootstrap_mutex;
std::string bootstrap_source;

// --- fork ----------------------------------------------------------------------------------------

void in_forked_child() {
  core::reclaim_after_fork_in_child();
  TimeoutThread::instance().after_fork_in_child();
  PoolList::instance().after_fork_in_child();
  Registry::instance().after_fork_in_child();
  thread_cache::forget_after_fork();
  signals::after_fork_in_child();
}

void watch_forks() {
  static std::once_flag once;
  std::call_once(once, [] {
    pthread_atfork(
        [] {
          Registry::instance().before_fork();
          PoolList::instance().before_fork();
          TimeoutThread::instance().before_fork();
          core::reclaim_before_fork();
        },
        [] {
          core::reclaim_after_fork_in_parent();
          TimeoutThread::instance().after_fork_in_parent();
          PoolList::instance().after_fork_in_parent();
          Registry::instance().after_fork_in_parent();
        },
        in_forked_child);
  });
}

// --- the end of an interpreter, seen from inside -------------------------------------------------

constexpr const char* hook_capsule = "atoll.interpreter";

/// atexit callbacks run last-in first-out and ours is registered when atoll first enters, so nearly
/// all code of the interpreter has run by now.
PyObject* at_interpreter_exit(PyObject* capsule, PyObject*) {
  auto* record = static_cast<Interpreter*>(PyCapsule_GetPointer(capsule, hook_capsule));
  if (!record) return nullptr;
  finish_pools(record);
  if (record->is_main()) {
    prepare_exit();
    record->held().close();
    Py_RETURN_NONE;
  }
  if (!record->is_closed()) {
    // Somebody else ends it: its creator, or CPython at exit.
    const py::Detached detached;
    (void)core::begin_closing(record->id());
    (void)record->begin_close();
    core::interpreter_gone(record->id());
  }
  record->held().close();
  record->clear_context();
  record->forget_deleted_slots();
  record->delete_slots_except(PyThreadState_Get());
  Py_RETURN_NONE;
}

PyMethodDef exit_hook = {"_at_interpreter_exit", at_interpreter_exit, METH_NOARGS, nullptr};

py::Status register_exit_hook(Interpreter& record) {
  record.retain();
  const py::Ref capsule = py::Ref::steal(PyCapsule_New(&record, hook_capsule, [](PyObject* self) {
    static_cast<Interpreter*>(PyCapsule_GetPointer(self, hook_capsule))->release();
  }));
  if (!capsule) return record.release(), py::Status::error;
  const py::Ref hook = py::Ref::steal(PyCFunction_New(&exit_hook, capsule.get()));
  const py::Ref atexit = py::Ref::steal(PyImport_ImportModule("atexit"));
  if (!hook || !atexit) return py::Status::error;
  const py::Ref done =
      py::Ref::steal(PyObject_CallMethod(atexit.get(), "register", "O", hook.get()));
  return done ? py::Status::ok : py::Status::error;
}

// --- creation ------------------------------------------------------------------------------------

/// `sys.path` of the current interpreter, or nothing if it holds what cannot travel.
std::optional<core::Message> copy_sys_path(Interpreter& creator) {
  // Not PySys_GetObject(), which keeps errors to itself.
  const py::Ref sys = py::Ref::steal(PyImport_ImportModule("sys"));
  const py::Ref path = py::Ref::steal(sys ? PyObject_GetAttrString(sys.get(), "path") : nullptr);
  transfer::Context* context = path ? creator.context() : nullptr;
  core::Message message;
  if (!context ||
      py::failed(transfer::encode(*context, path.get(), transfer::Mode::any, message))) {
    const bool out_of_memory = PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError);
    PyErr_Clear();
    if (out_of_memory) throw std::bad_alloc();
    return std::nullopt;
  }
  return message;
}

py::Status run_bootstrap() {
  std::string source;
  {
    std::lock_guard lock(bootstrap_mutex);
    source = bootstrap_source;
  }
  if (source.empty()) return py::Status::ok;
  const py::Ref globals = py::Ref::steal(PyDict_New());
  if (!globals || PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins()) != 0) {
    return py::Status::error;
  }
  const py::Ref result =
      py::Ref::steal(PyRun_String(source.c_str(), Py_file_input, globals.get(), globals.get()));
  return result ? py::Status::ok : py::Status::error;
}

/// In the new interpreter, before anybody else gets there.
py::Status set_up(Interpreter& fresh, const std::optional<core::Message>& path) {
#if ATOLL_FRESH_MAIN_HAS_ANNOTATIONS
  PyObject* main = PyImport_AddModule("__main__");
  if (!main) return py::Status::error;
  if (PyDict_DelItemString(PyModule_GetDict(main), "__annotations__") != 0) PyErr_Clear();
#endif
#if ATOLL_DATETIME_MAY_BE_PYTHON
  // `zoneinfo` would take its C half, which fails without that of `datetime` (without atoll too).
  if (fresh.config().check_multi_interp_extensions &&
      PyDict_SetItemString(PyImport_GetModuleDict(), "_zoneinfo", Py_None) != 0) {
    return py::Status::error;
  }
#endif
  if (!join_current()) return py::Status::error;
  if (path) {
    const py::Ref list = transfer::decode(*fresh.context(), *path);
    if (!list || PySys_SetObject("path", list.get()) != 0) return py::Status::error;
  }
  if (py::failed(extensions::install_import_hook(fresh))) return py::Status::error;
  return run_bootstrap();
}

std::string describe(const PyStatus& status) {
  return status.err_msg ? status.err_msg : "no reason given";
}

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

/// Ends `target`, which nobody else can enter any more.
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

}  // namespace

Interpreter* join_current() {
  watch_forks();
  const InterpreterHandle record = Registry::instance().current();
  if (record->context_if_made()) return record.get();
  if (record->is_main()) signals::note_main_thread();
  if (!record->context() || py::failed(register_exit_hook(*record))) return nullptr;
  // The registry and the hook keep the record; a borrowed pointer is good as long as the caller is
  // inside the interpreter.
  return record.get();
}

InterpreterHandle create(const CreateOptions& options) {
  require_viable(options.config);
  Registry& registry = Registry::instance();
  std::optional<Session> inside_main;
  if (!py::attached_thread_state()) inside_main.emplace(*registry.main(), Session::Access::pin);

  guard_forks();
  Interpreter* creator = join_current();
  if (!creator || py::failed(preload_for(*creator))) {
    throw InterpreterError("interpreter creation failed: " + take_error_text());
  }
  refuse_while_tracing(*creator);
  std::optional<core::Message> path;
  if (options.inherit_path) path = copy_sys_path(*creator);

  PyThreadState* const caller = PyThreadState_Get();
  const PyInterpreterConfig config = to_cpython(options.config);
  PyThreadState* state = nullptr;
  const Registry::CreatingScope scope(registry);
  const PyStatus status = py::guarded([&] { return Py_NewInterpreterFromConfig(&state, &config); });
  if (PyStatus_Exception(status)) {
    if (!py::attached_thread_state()) py::attach(caller);
    PyErr_Clear();
    throw InterpreterError("interpreter creation failed: " + describe(status));
  }

  // Attached to the new interpreter from here on.
  InterpreterHandle fresh =
      registry.adopt(PyThreadState_GetInterpreter(state), Whence::stdlib, options.config);
  thread_cache::adopt(*fresh, state);
  std::string problem;
  if (py::failed(py::guarded([&] { return set_up(*fresh, path); }))) problem = take_error_text();
  py::attach(caller);
  if (!problem.empty()) {
    if (fresh->begin_close() == Interpreter::Admission::admitted) end(*fresh);
    throw InterpreterError("interpreter creation failed: " + problem);
  }
  return fresh;
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

void set_bootstrap(std::string source) {
  std::lock_guard lock(bootstrap_mutex);
  bootstrap_source = std::move(source);
}

bool is_exiting() noexcept {
  return exiting_thread.load(std::memory_order_relaxed) != 0;
}

bool is_too_late() noexcept {
  // Sequentially consistent, as the gate's admission is not: a fence stands between the two.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const unsigned long thread = exiting_thread.load(std::memory_order_relaxed);
  return thread != 0 && thread != PyThread_get_thread_ident();
}

void set_exiting(bool value) noexcept {
  exiting_thread.store(value ? PyThread_get_thread_ident() : 0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace libatoll::runtime::lifecycle
