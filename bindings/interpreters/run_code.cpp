#include "interpreters/run_code.hpp"

#include <cstring>
#include <utility>
#include <vector>

#include "interpreters/part.hpp"
#include "runtime/execution/run.hpp"
#include "runtime/session/signals.hpp"
#include "transfer/exceptions/exception.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {

namespace {

using runtime::Outcome;
using runtime::RunResult;

bool valid_name(PyObject* name) {
  if (!PyUnicode_Check(name)) {
    PyErr_Format(PyExc_TypeError, "names in __main__ must be str, not %.100s",
                 Py_TYPE(name)->tp_name);
    return false;
  }
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(name, &size);
  if (!utf8) return false;
  if (std::memchr(utf8, '\0', static_cast<std::size_t>(size))) {
    PyErr_Format(PyExc_ValueError, "embedded null character in the name %R", name);
    return false;
  }
  return true;
}

/// Packs names and values, alternating, as one tuple: a dict is not shareable itself.
py::Status encode_names(transfer::Context& context, PyObject* dict, core::Message& out) {
  const py::Ref flat = py::Ref::steal(PyTuple_New(2 * PyDict_GET_SIZE(dict)));
  if (!flat) return py::Status::error;
  PyObject *name, *value;
  Py_ssize_t position = 0, index = 0;
  while (PyDict_Next(dict, &position, &name, &value)) {
    if (!valid_name(name)) return py::Status::error;
    PyTuple_SET_ITEM(flat.get(), index++, Py_NewRef(name));
    PyTuple_SET_ITEM(flat.get(), index++, Py_NewRef(value));
  }
  return transfer::encode(context, flat.get(), transfer::Mode::shareable, out);
}

bool require_callable(PyObject* object) {
  if (PyCallable_Check(object)) return true;
  PyErr_Format(PyExc_TypeError, "expected a callable, got %R", object);
  return false;
}

/// Signals that have come by now end the call before it begins; later ones reach what it runs.
/// False with a Python error set in the first case.
bool no_signal_is_pending() {
  runtime::signals::forget_handled();
  return PyErr_CheckSignals() == 0;
}

/// The snapshot as a Python object; null with the error set if the caller has to see one instead.
py::Ref excinfo_of(transfer::Context& context, const RunResult& result) {
  if (result.interrupted) return raise_interrupt(), py::Ref();
  if (result.outcome == Outcome::not_shareable) {
    raise_not_shareable(context, *result.exception);
    return {};
  }
  return transfer::to_namespace(context, *result.exception);
}

}  // namespace

bool check_script_kind(PyObject* code, ScriptKind kind, const char* function) {
  const bool is_string = PyUnicode_Check(code);
  const bool is_code = PyFunction_Check(code) || PyCode_Check(code);
  switch (kind) {
    case ScriptKind::string:
      if (is_string) return true;
      PyErr_Format(PyExc_TypeError, "%s() argument 'script' must be str, not %.100s", function,
                   Py_TYPE(code)->tp_name);
      return false;
    case ScriptKind::function:
      if (is_code) return true;
      PyErr_Format(PyExc_TypeError,
                   "%s() argument 'func' must be a function or a code object, not %.100s", function,
                   Py_TYPE(code)->tp_name);
      return false;
    case ScriptKind::any:
      break;
  }
  return true;
}

PyObject* run_script(const State& state, runtime::Interpreter& target, PyObject* code,
                     PyObject* shared) {
  transfer::Context* context = state.context();
  if (!context) return nullptr;
  core::Message script, names;
  if (py::failed(transfer::encode_script(*context, code, script))) return nullptr;
  const bool has_names = shared && PyDict_GET_SIZE(shared) != 0;
  if (has_names && py::failed(encode_names(*context, shared, names))) return nullptr;
  if (!no_signal_is_pending()) return nullptr;
  const RunResult result = runtime::run_script(target, script, std::move(names));
  if (result.outcome == Outcome::returned) Py_RETURN_NONE;
  return excinfo_of(*context, result).release();
}

PyObject* call_returning_pair(const State& state, runtime::Interpreter& target, PyObject* callable,
                              PyObject* args, PyObject* kwargs) {
  transfer::Context* context = state.context();
  if (!context || !require_callable(callable)) return nullptr;
  std::vector<PyObject*> flat;
  Py_ssize_t nargs = 0;
  if (args) {
    nargs = PyTuple_GET_SIZE(args);
    for (Py_ssize_t i = 0; i < nargs; ++i) flat.push_back(PyTuple_GET_ITEM(args, i));
  }
  py::Ref kwnames;
  if (kwargs && PyDict_GET_SIZE(kwargs) != 0) {
    kwnames = py::Ref::steal(PyTuple_New(PyDict_GET_SIZE(kwargs)));
    if (!kwnames) return nullptr;
    PyObject *name, *value;
    Py_ssize_t position = 0, index = 0;
    while (PyDict_Next(kwargs, &position, &name, &value)) {
      PyTuple_SET_ITEM(kwnames.get(), index++, Py_NewRef(name));
      flat.push_back(value);
    }
  }
  core::Message call;
  if (py::failed(
          transfer::encode_call(*context, callable, flat.data(), nargs, kwnames.get(), call))) {
    return nullptr;
  }
  if (!no_signal_is_pending()) return nullptr;
  RunResult result = runtime::enter_and_call(target, std::move(call));
  if (result.outcome == Outcome::returned) {
    const py::Ref value = transfer::decode(*context, std::move(result.value));
    return value ? PyTuple_Pack(2, value.get(), Py_None) : nullptr;
  }
  const py::Ref excinfo = excinfo_of(*context, result);
  return excinfo ? PyTuple_Pack(2, Py_None, excinfo.get()) : nullptr;
}

PyObject* call_or_raise(const State& state, runtime::Interpreter& target, PyObject* callable,
                        PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  transfer::Context* context = state.context();
  if (!context || !require_callable(callable)) return nullptr;
  core::Message call;
  if (py::failed(transfer::encode_call(*context, callable, args, nargs, kwnames, call))) {
    return nullptr;
  }
  if (!no_signal_is_pending()) return nullptr;
  RunResult result = runtime::enter_and_call(target, std::move(call));
  if (result.outcome == Outcome::returned) {
    return transfer::decode(*context, std::move(result.value)).release();
  }
  const py::Ref excinfo = excinfo_of(*context, result);
  if (!excinfo) return nullptr;
  PyObject* type = interpreters_of(state).execution_failed ? interpreters_of(state).execution_failed
                                                           : state.interpreter_error;
  const py::Ref error = py::Ref::steal(PyObject_CallOneArg(type, excinfo.get()));
  if (error) PyErr_SetObject(type, error.get());
  return nullptr;
}

PyObject* bind_in_main(const State& state, runtime::Interpreter& target, PyObject* updates) {
  transfer::Context* context = state.context();
  if (!context) return nullptr;
  if (PyDict_GET_SIZE(updates) == 0) {
    PyErr_SetString(PyExc_ValueError, "arg 2 must be a non-empty mapping");
    return nullptr;
  }
  core::Message names;
  if (py::failed(encode_names(*context, updates, names))) return nullptr;
  if (!no_signal_is_pending()) return nullptr;
  const RunResult result = runtime::bind_in_main(target, std::move(names));
  if (result.outcome == Outcome::returned) Py_RETURN_NONE;
  const py::Ref excinfo = excinfo_of(*context, result);
  return nullptr;
}

}  // namespace libatoll::bindings
