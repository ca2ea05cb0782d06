// Arguments of METH_FASTCALL | METH_KEYWORDS functions, by name.
#pragma once

#include <Python.h>

#include <cstddef>

namespace libatoll::bindings {

struct Signature {
  const char* function;      ///< for errors
  const char* const* names;  ///< of all parameters, positional ones first
  std::size_t count;
  std::size_t positional;  ///< how many may be given by position
  std::size_t required;    ///< how many must be given
};

/// Fills `out` (one place per parameter) with borrowed references, null for what was not given.
/// False with TypeError set.
[[nodiscard]] bool parse_fast(const Signature& signature, PyObject* const* args, Py_ssize_t nargs,
                              PyObject* kwnames, PyObject** out);

/// A method table wants PyCFunction, whatever the real signature.
template <class Function>
[[nodiscard]] PyCFunction as_method(Function* function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace libatoll::bindings
