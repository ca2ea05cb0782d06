#include "support/wait.hpp"

#include <cmath>
#include <limits>

#include "runtime/pool/blocking.hpp"

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

BlockedOnAny block_on_any(core::Wait& wait, const CancelToken* token) {
  const runtime::Blocked blocked = runtime::block_on(wait, token);
  if (blocked.interruption == runtime::Interruption::ctrl_c) PyErr_SetNone(PyExc_KeyboardInterrupt);
  return {blocked.selected, blocked.interruption != runtime::Interruption::none};
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
