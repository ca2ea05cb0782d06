// The C API of `datetime` where that is written in Python: in isolated interpreters of
// CPython 3.12, which cannot load `_datetime`.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/stdlib/datetime_capi.hpp"

namespace libatoll::transfer {

/// What the functions of `api` make objects of; kept for as long as the Context lives.
struct PythonDatetime {
  PyDateTime_CAPI api{};
  py::Ref date, datetime, time, timedelta, tzinfo, utc;
  bool is_aligned = false;  ///< see align_python_datetime()
};

/// Fills `out` from the `datetime` module of the current interpreter. Only the functions that
/// decode are there. Null with an error set on failure.
[[nodiscard]] PyDateTime_CAPI* python_datetime_api(PythonDatetime& out);

/// Call before something is pickled, or sent by name: what is written in Python travels as
/// `_datetime`'s objects do from here on, so that interpreters which have that can read it. No
/// error is set on return.
void align_python_datetime(PythonDatetime& known) noexcept;

}  // namespace libatoll::transfer
