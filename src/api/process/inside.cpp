#include "api/process/inside.hpp"

#include "transfer/exceptions/exception.hpp"
#include "transfer/memory/release_list.hpp"

namespace libatoll::api {

void enter(runtime::Interpreter& target) {
  if (!runtime::lifecycle::join_current()) throw PythonRaised();
  transfer::drain_releases(*target.context());
}

ExecutionFailed take_failure(runtime::Interpreter& target) noexcept {
  const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  transfer::Context* context = target.context();
  if (!context) {
    PyErr_Clear();
    return {Py_TYPE(error.get())->tp_name, "the interpreter is ending", ""};
  }
  transfer::ExceptionSnapshot snapshot = transfer::capture(*context, error.get());
  std::string type = snapshot.type_qualname;
  if (snapshot.type_module != "builtins" && snapshot.type_module != "__main__") {
    type = snapshot.type_module + "." + type;
  }
  return {std::move(type), std::move(snapshot.message),
          std::move(snapshot.errdisplay).value_or(std::string())};
}

void consume_interrupt() noexcept {
  try {
    const Process::Use use;
    runtime::Session session(*runtime::Registry::instance().main(), runtime::Session::Access::pin);
    if (PyErr_CheckSignals() == 0) return;
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
      PyErr_Clear();
    } else {
      PyErr_WriteUnraisable(nullptr);
    }
  } catch (const std::exception&) {
    // CPython is being ended: nobody will see the interrupt.
  }
}

}  // namespace libatoll::api
