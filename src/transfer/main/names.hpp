// Names of globals: as texts, and those that code reads.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string_view>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// A str of UTF-8 text; empty with an error set on failure.
[[nodiscard]] inline py::Ref to_text(std::string_view text) {
  return py::Ref::steal(
      PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

/// The name before the first dot, which is that of a global.
[[nodiscard]] inline std::string_view root_of(std::string_view qualname) noexcept {
  return qualname.substr(0, qualname.find('.'));
}

/// What a `__main__` is known by: the interpreter that runs this thread.
[[nodiscard]] inline std::int64_t current_home() noexcept {
  return PyInterpreterState_GetID(PyInterpreterState_Get());
}

/// Adds to a set the names that `code`, and the functions and classes inside of it, look up as
/// globals.
py::Status add_names_read(Context& context, PyObject* code, PyObject* names);

}  // namespace libatoll::transfer
