#include "transfer/base/errors.hpp"

#include "transfer/context/impl.hpp"

namespace libatoll::transfer {

bool error_must_pass() noexcept {
  return PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception);
}

namespace {

/// The reason in a word: what the last line of a traceback would say. Leaves no error set.
std::string last_line(Context& context, PyObject* error) {
  constexpr std::size_t longest = 300;
  const auto text = py::Ref::steal(PyObject_Str(error));
  const auto bytes = py::Ref::steal(
      text ? PyUnicode_AsEncodedString(text.get(), "utf-8", "backslashreplace") : nullptr);
  PyErr_Clear();
  std::string line = bytes ? PyBytes_AS_STRING(bytes.get()) : "";
  while (!line.empty() && line.back() == '\n') line.pop_back();
  if (const std::size_t end = line.rfind('\n'); end != std::string::npos) line.erase(0, end + 1);
  if (line.size() > longest) line.replace(longest / 2, line.size() - longest, " ... ");
  if (Py_IS_TYPE(error, reinterpret_cast<PyTypeObject*>(context.not_shareable_error()))) {
    return line;
  }
  const auto type = py::Ref::steal(PyType_GetName(Py_TYPE(error)));
  const char* const name = type ? PyUnicode_AsUTF8(type.get()) : nullptr;
  PyErr_Clear();
  return (name ? name : "error") + (line.empty() ? line : ": " + line);
}

}  // namespace

void raise_not_shareable(Context& context, const std::string& what) {
  if (PyErr_Occurred() && error_must_pass()) return;
  py::Ref cause = py::Ref::steal(PyErr_GetRaisedException());
  const std::string text = cause ? what + ": " + last_line(context, cause.get()) : what;
  const auto message = py::Ref::steal(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
  if (!message) return;
  auto error = py::Ref::steal(PyObject_CallOneArg(context.not_shareable_error(), message.get()));
  if (!error) return;
  if (cause) {
    PyException_SetContext(error.get(), Py_NewRef(cause.get()));
    PyException_SetCause(error.get(), cause.release());
  }
  PyErr_SetRaisedException(error.release());
}

void raise_unsupported(Context& context, const std::string& path, PyObject* culprit) {
  constexpr std::size_t longest = 300;
  std::string text = path;
  if (text.size() > longest) text.replace(longest / 2, text.size() - longest, " ... ");
  if (!text.empty()) text += ": ";
  if (PyType_Check(culprit)) {
    text += "class ";
    text += reinterpret_cast<PyTypeObject*>(culprit)->tp_name;
  } else {
    text += Py_TYPE(culprit)->tp_name;
    text += " object";
  }
  raise_not_shareable(context, text + " does not support cross-interpreter data");
}

void raise_corrupted() noexcept {
  PyErr_SetString(PyExc_ValueError, "corrupted cross-interpreter message");
}

std::string short_repr(PyObject* object) noexcept {
  PyObject* const error = PyErr_GetRaisedException();
  std::string text;
  const py::Ref kept = py::Ref::borrow(object);
  const auto repr = py::Ref::steal(object ? PyObject_Repr(object) : nullptr);
  const auto bytes = py::Ref::steal(
      repr ? PyUnicode_AsEncodedString(repr.get(), "utf-8", "backslashreplace") : nullptr);
  try {
    if (bytes) {
      text = PyBytes_AS_STRING(bytes.get());
      if (text.size() > 60) text = text.substr(0, 57) + "...";
    } else {
      text = "?";
    }
  } catch (...) {
    text.clear();
  }
  PyErr_Clear();
  PyErr_SetRaisedException(error);
  return text;
}

}  // namespace libatoll::transfer
