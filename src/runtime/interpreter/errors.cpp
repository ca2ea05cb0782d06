#include "runtime/interpreter/errors.hpp"

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::runtime {

std::string take_error_text() noexcept {
  const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  if (!error) return "unknown error";
  std::string text = Py_TYPE(error.get())->tp_name;
  const py::Ref message = py::Ref::steal(PyObject_Str(error.get()));
  const char* utf8 = message ? PyUnicode_AsUTF8(message.get()) : nullptr;
  if (utf8) text += std::string(": ") + utf8;
  PyErr_Clear();
  return text;
}

}  // namespace libatoll::runtime
