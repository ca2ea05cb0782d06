#include "support/wait.hpp"

#include <cmath>
#include <limits>

#include "py/thread_state.hpp"
#include "runtime/pool/pool_task.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::bindings {

bool parse_number(PyObject* object, const char* what, double& out) {
  double seconds = PyFloat_AsDouble(object);
  if (seconds == -1.0 && PyErr_Occurred()) {
    // An int beyond the range of floats is as good as an infinite one of its sign.
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return false;
    PyErr_Clear();
    const py::Ref zero = py::Ref::steal(PyLong_FromLong(0));
    const int negative = zero ? PyObject_RichCompareBool(object, zero.get(), Py_LT) : -1;
    if (negative < 0) return false;
    seconds = negative ? -1.0 : std::numeric_limits<double>::infinity();
  }
  if (std::isnan(seconds)) {
    PyErr_Format(PyExc_ValueError, "%s must be a number, not NaN", what);
    return false;
  }
  out = seconds;
  return true;
}

bool parse_seconds(PyObject* object, const char* what, double& out) {
  double seconds;
  if (!parse_number(object, what, seconds)) return false;
  if (seconds < 0) {
    PyErr_Format(PyExc_ValueError, "%s must be a non-negative number", what);
    return false;
  }
  out = seconds;
  return true;
}

bool parse_timeout(PyObject* object, Timeout& out) {
  if (!object || object == Py_None) return true;
  out.given = true;
  return parse_seconds(object, "timeout value", out.seconds);
}

namespace {

/// After a wait was interrupted: false with a Python error set if it has to end.
bool go_on() {
  // Runs Python-level handlers, on the main thread of the main interpreter only.
  if (PyErr_CheckSignals() != 0) return false;
  if (!runtime::may_wait_on()) return false;
  if (!runtime::signals::take_interrupt()) return true;
  PyErr_SetNone(PyExc_KeyboardInterrupt);
  return false;
}

}  // namespace

BlockedOnAny block_on_any(core::Wait& wait, const CancelToken* token) {
  runtime::signals::prepare_to_block();
  for (;;) {
    core::Selected selected;
    {
      const py::Detached detached;
      selected = wait.wait();
    }
    if (selected.status != core::Status::interrupted) return {selected};
    if (!go_on()) return {wait.cancel(), true};
    if (token && token->is_cancelled()) return {wait.cancel()};
  }
}

Blocked block_on(const State& state, core::Operation& operation, core::Deadline deadline,
                 const CancelToken* token) {
  core::Operation* const operations[] = {&operation};
  core::Wait wait(operations, {deadline, state.self->id()}, core::Order::given);
  const BlockedOnAny blocked = block_on_any(wait, token);
  return {blocked.selected.status, blocked.raised};
}

bool raise_common(const State& state, core::Status status) {
  switch (status) {
    case core::Status::interpreter_closed:
      PyErr_Format(state.interpreter_error,
                   "interpreter %lld is being closed: its threads cannot wait any more",
                   static_cast<long long>(state.self->id()));
      return true;
    case core::Status::no_memory:
      PyErr_NoMemory();
      return true;
    default:
      return false;
  }
}

}  // namespace libatoll::bindings
