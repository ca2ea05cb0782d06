#include "runtime/execution/run.hpp"

#include <string>
#include <utility>
#include <vector>

#include "atoll/base/error.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/errors.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/session/session.hpp"
#include "transfer/memory/release_list.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::runtime {

namespace {

/// Takes the current error as the result's exception.
void fail(RunResult& result, Outcome outcome, transfer::Context& context,
          std::optional<transfer::Mode> keep = {}) {
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
RunResult enter_and_run(Interpreter& target, Body body) {
  RunResult result;
  {
    Session session(target, Session::Access::run);
    if (lifecycle::join_current()) {
      transfer::Context& context = *target.context();
      transfer::drain_releases(context);
      target.held().drain();
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

/// One call of map_in_current().
py::Ref call_with(transfer::Context& context, PyObject* function, PyObject* arguments) {
  // A copy: call_as_main() wants a place before the first.
  const Py_ssize_t count = PyTuple_GET_SIZE(arguments);
  constexpr Py_ssize_t few = 8;
  PyObject* on_stack[few + 1];
  std::vector<PyObject*> many;
  PyObject** places = on_stack;
  if (count > few) {
    many.resize(static_cast<std::size_t>(count) + 1);
    places = many.data();
  }
  for (Py_ssize_t i = 0; i < count; ++i) places[i + 1] = PyTuple_GET_ITEM(arguments, i);
  return py::guarded(
      [&] { return transfer::call_as_main(context, function, places + 1, count, nullptr); });
}

/// A list with something that cannot be sent, the error being set: it ends before that, as if the
/// call had failed.
void keep_what_travels(transfer::Context& context, PyObject* results, transfer::Mode mode,
                       RunResult& result) {
  fail(result, Outcome::not_shareable, context);
  core::Message probe;
  Py_ssize_t good = 0;
  while (good < PyList_GET_SIZE(results) &&
         !py::failed(transfer::encode(context, PyList_GET_ITEM(results, good), mode, probe))) {
    ++good;
  }
  if (PyErr_Occurred()) fail(result, Outcome::not_shareable, context);
  const py::Ref before = py::Ref::steal(PyList_GetSlice(results, 0, good));
  if (!before || py::failed(transfer::encode(context, before.get(), mode, result.value))) {
    PyErr_Clear();
  }
}

/// What has become of a call: its value, or null with the error set. `keep`: how the exception that
/// it has raised goes along as an object; nothing: it does not.
void settle(transfer::Context& context, const py::Ref& value, bool called,
            transfer::Mode result_mode, std::optional<transfer::Mode> keep, RunResult& result) {
  if (!value) {
    fail(result, called ? Outcome::raised : Outcome::not_shareable, context,
         called ? keep : std::nullopt);
  } else if (py::failed(transfer::encode(context, value.get(), result_mode, result.value))) {
    fail(result, Outcome::not_shareable, context);
  }
}

/// `names` is a tuple of names and values, alternating. All are decoded before the first is bound.
py::Status bind(transfer::Context& context, core::Message&& names) {
  const py::Ref flat = transfer::decode(context, std::move(names));
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

RunResult enter_and_call(Interpreter& target, core::Message&& call) {
  return enter_and_run(target, [&](transfer::Context& context, RunResult& result) {
    bool called = false;
    const py::Ref value =
        py::guarded([&] { return decode_and_call(context, std::move(call), called); });
    settle(context, value, called, transfer::Mode::any, std::nullopt, result);
  });
}

void call_in_current(transfer::Context& context, const core::Message& call,
                     transfer::Mode result_mode, RunResult& result) {
  bool called = false;
  const py::Ref value = py::guarded([&] { return decode_and_call(context, call, called); });
  settle(context, value, called, result_mode, result_mode, result);
}

void call_in_current(transfer::Context& context, core::Message&& call, transfer::Mode result_mode,
                     RunResult& result, transfer::CallSpan& span) {
  bool called = false;
  const py::Ref value =
      py::guarded([&] { return decode_and_call(context, std::move(call), called, &span); });
  settle(context, value, called, result_mode, result_mode, result);
}

void take_uncaught(transfer::Context& context, RunResult& result) {
  fail(result, Outcome::raised, context, transfer::Mode::any);
}

namespace {

/// Appends the results of the calls of map_in_current(), until one fails: false with the error set.
bool make_calls(transfer::Context& context, PyObject* function, PyObject* items, PyObject* results,
                transfer::CallSpan& span) {
  if (!span.begin()) return false;
  bool is_good = true;
  for (Py_ssize_t i = 0; is_good && i < PyList_GET_SIZE(items); ++i) {
    const py::Ref value = call_with(context, function, PyList_GET_ITEM(items, i));
    is_good = value && PyList_Append(results, value.get()) == 0;
  }
  span.end();
  return is_good;
}

}  // namespace

void map_in_current(transfer::Context& context, core::Message&& calls, transfer::Mode result_mode,
                    RunResult& result, transfer::CallSpan& span) {
  const py::Ref pair = transfer::decode(context, std::move(calls));
  const py::Ref results = py::Ref::steal(pair ? PyList_New(0) : nullptr);
  if (!results) return fail(result, Outcome::not_shareable, context);
  PyObject* const function = PyTuple_GET_ITEM(pair.get(), 0);
  PyObject* const items = PyTuple_GET_ITEM(pair.get(), 1);
  if (!make_calls(context, function, items, results.get(), span)) {
    fail(result, Outcome::raised, context, result_mode);
  }
  if (!py::failed(transfer::encode(context, results.get(), result_mode, result.value))) return;
  keep_what_travels(context, results.get(), result_mode, result);
}

RunResult run_script(Interpreter& target, const core::Message& script, core::Message&& names) {
  return enter_and_run(target, [&](transfer::Context& context, RunResult& result) {
    if (!names.bytes().empty() && py::failed(bind(context, std::move(names)))) {
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

RunResult bind_in_main(Interpreter& target, core::Message&& names) {
  return enter_and_run(target, [&](transfer::Context& context, RunResult& result) {
    if (py::failed(bind(context, std::move(names)))) fail(result, Outcome::not_shareable, context);
  });
}

}  // namespace libatoll::runtime
