#include "support/fast_arguments.hpp"

#include <algorithm>

namespace libatoll::bindings {

namespace {

std::size_t find_name(const Signature& signature, PyObject* name) {
  std::size_t index = 0;
  while (index < signature.count &&
         PyUnicode_CompareWithASCIIString(name, signature.names[index]) != 0) {
    ++index;
  }
  return index;
}

}  // namespace

bool parse_fast(const Signature& signature, PyObject* const* args, Py_ssize_t nargs,
                PyObject* kwnames, PyObject** out) {
  const auto given = static_cast<std::size_t>(nargs);
  if (given > signature.positional) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %zu positional arguments (%zd given)",
                 signature.function, signature.positional, nargs);
    return false;
  }
  std::fill(std::copy(args, args + given, out), out + signature.count, nullptr);
  const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t i = 0; i < keywords; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(kwnames, i);
    const std::size_t index = find_name(signature, name);
    if (index == signature.count) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R",
                   signature.function, name);
      return false;
    }
    if (out[index]) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument %R", signature.function,
                   name);
      return false;
    }
    out[index] = args[nargs + i];
  }
  for (std::size_t i = 0; i < signature.required; ++i) {
    if (out[i]) continue;
    PyErr_Format(PyExc_TypeError, "%s() missing required argument: '%s'", signature.function,
                 signature.names[i]);
    return false;
  }
  return true;
}

}  // namespace libatoll::bindings
