#include "runtime/run.hpp"

#include <string>

#include "atoll/error.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/errors.hpp"
#include "runtime/lifecycle.hpp"
#include "runtime/session.hpp"
#include "transfer/release_list.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::runtime {

namespace {

/// Takes the current error as the result's exception.
void fail(RunResult& result, Outcome outcome, transfer::Context& context, bool keep = false) {
  const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  result.outcome = outcome;
  result.exception.emplace(transfer::capture(context, error.get(), keep));
}

/// `__main__.__dict__` of the current interpreter, borrowed; null with an error set.
PyObject* main_namespace() {
  PyObject* main = PyImport_AddModule("__main__");
  return main ? PyModule_GetDict(main) : nullptr;
}

/// Runs `body(context, result)` inside `target`.
template <class Body>
RunResult run_inside(Interpreter& target, Body body) {
  RunResult result;
  {
    Session session(target, Session::Access::run);
    if (lifecycle::join_current()) {
      transfer::Context& context = *target.context();
      transfer::drain_releases(context);
      body(context, result);
    } else {
      const std::string text = take_error_text();
      session.leave();
      throw InterpreterError("atoll cannot be set up in interpreter " +
                             std::to_string(target.id()) + ": " + text);
    }
    session.leave();
    result.interrupted = session.interrupted();
  }
  lifecycle::close_if_due(target);
  return result;
}

/// `names` is a tuple of names and values, alternating. All are decoded before the first is bound.
py::Status bind(transfer::Context& context, const core::Message& names) {
  const py::Ref flat = transfer::decode(context, names);
  PyObject* globals = main_namespace();
  if (!flat || !globals) return py::Status::error;
  for (Py_ssize_t i = 0; i + 1 < PyTuple_GET_SIZE(flat.get()); i += 2) {
    PyObject* name = PyTuple_GET_ITEM(flat.get(), i);
    if (PyDict_SetItem(globals, name, PyTuple_GET_ITEM(flat.get(), i + 1)) != 0) {
      return py::Status::error;
    }
  }
  return py::Status::ok;
}

}  // namespace

RunResult run_call(Interpreter& target, const core::Message& call, bool keep_exception) {
  return run_inside(target, [&](transfer::Context& context, RunResult& result) {
    bool called = false;
    const py::Ref value = py::guarded([&] { return decode_and_call(context, call, called); });
    if (!value) {
      fail(result, called ? Outcome::raised : Outcome::not_shareable, context, keep_exception);
    } else if (py::failed(
                   transfer::encode(context, value.get(), transfer::Mode::any, result.value))) {
      fail(result, Outcome::not_shareable, context);
    }
  });
}

RunResult run_script(Interpreter& target, const core::Message& script, const core::Message* names) {
  return run_inside(target, [&](transfer::Context& context, RunResult& result) {
    if (names && py::failed(bind(context, *names))) {
      return fail(result, Outcome::not_shareable, context);
    }
    const py::Ref code = transfer::decode_script(context, script);
    PyObject* globals = code ? main_namespace() : nullptr;
    if (!globals) return fail(result, Outcome::not_shareable, context);
    const py::Ref value =
        py::guarded([&] { return py::Ref::steal(PyEval_EvalCode(code.get(), globals, globals)); });
    if (!value) fail(result, Outcome::raised, context);
  });
}

RunResult bind_in_main(Interpreter& target, const core::Message& names) {
  return run_inside(target, [&](transfer::Context& context, RunResult& result) {
    if (py::failed(bind(context, names))) fail(result, Outcome::not_shareable, context);
  });
}

}  // namespace libatoll::runtime
