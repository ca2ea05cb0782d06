// Making an interpreter.
#include <mutex>
#include <optional>

#include "atoll/base/error.hpp"
#include "py/cpython_compat.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/extensions/import_hook.hpp"
#include "runtime/interpreter/config.hpp"
#include "runtime/interpreter/errors.hpp"
#include "runtime/process/close.hpp"
#include "runtime/process/fork_guard.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/process/preload.hpp"
#include "runtime/process/trace_guard.hpp"
#include "runtime/session/session.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

std::mutex bootstrap_mutex;
std::string bootstrap_source;

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

}  // namespace

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

void set_bootstrap(std::string source) {
  std::lock_guard lock(bootstrap_mutex);
  bootstrap_source = std::move(source);
}

}  // namespace libatoll::runtime::lifecycle
