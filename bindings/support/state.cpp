#include "support/state.hpp"

#include <string>
#include <utility>

namespace libatoll::bindings {

State* current_state() {
  const py::Ref module = py::Ref::steal(PyImport_ImportModule("atoll._atoll"));
  if (!module) return nullptr;
  if (PyModule_GetDef(module.get()) != &module_definition) {
    PyErr_SetString(PyExc_ImportError, "atoll._atoll is not atoll's extension module");
    return nullptr;
  }
  return &state_of(module.get());
}

int traverse_state(const State& state, visitproc visit, void* arg) noexcept {
  Py_VISIT(state.interpreter_error);
  Py_VISIT(state.interpreter_not_found);
  Py_VISIT(state.simple_namespace);
  for (Part* const part : state.parts) {
    if (const int result = part ? part->traverse(visit, arg) : 0) return result;
  }
  return 0;
}

void clear_state(State& state) noexcept {
  Py_CLEAR(state.interpreter_error);
  Py_CLEAR(state.interpreter_not_found);
  Py_CLEAR(state.simple_namespace);
  for (Part* const part : state.parts) {
    if (part) part->clear();
  }
}

void delete_parts(State& state) noexcept {
  for (Part*& part : state.parts) delete std::exchange(part, nullptr);
}

void set_error_from_exception(const State& state) noexcept {
  try {
    throw;
  } catch (const InterpreterNotFoundError& error) {
    PyErr_SetString(state.interpreter_not_found, error.what());
  } catch (const InterpreterError& error) {
    PyErr_SetString(state.interpreter_error, error.what());
  } catch (const ConfigError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

void raise_interrupt() noexcept {
  // In the main interpreter this runs the Python-level handler; elsewhere it does nothing.
  if (PyErr_CheckSignals() == 0) PyErr_SetNone(PyExc_KeyboardInterrupt);
}

void raise_not_shareable(transfer::Context& context,
                         const transfer::ExceptionSnapshot& snapshot) noexcept {
  const auto text = [](const std::string& utf8) {
    return py::Ref::steal(
        PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "surrogatepass"));
  };
  const py::Ref message = text(snapshot.message);
  if (!message) return;
  PyErr_SetObject(context.not_shareable_error(), message.get());
  if (!snapshot.errdisplay) return;
  const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  const py::Ref remote = text(*snapshot.errdisplay);
  const py::Ref cause =
      remote ? py::Ref::steal(PyObject_CallOneArg(PyExc_Exception, remote.get())) : py::Ref();
  if (cause) PyException_SetCause(error.get(), py::Ref(cause).release());
  PyErr_Clear();
  PyErr_SetRaisedException(py::Ref(error).release());
}

}  // namespace libatoll::bindings
