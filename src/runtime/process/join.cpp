// Setting atoll up in an interpreter that somebody has made, and what is done at its end.
#include "core/registry/registry.hpp"
#include "core/wait/closing.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/process/hooks.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

constexpr const char* hook_capsule = "atoll.interpreter";

/// atexit callbacks run last-in first-out and ours is registered when atoll first enters, so nearly
/// all code of the interpreter has run by now.
PyObject* at_interpreter_exit(PyObject* capsule, PyObject*) {
  auto* record = static_cast<Interpreter*>(PyCapsule_GetPointer(capsule, hook_capsule));
  if (!record) return nullptr;
  if (const Hooks* const pools = pool_hooks()) pools->interpreter_ends(*record);
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

}  // namespace libatoll::runtime::lifecycle
