#include "support/exceptions.hpp"

#include <string>

namespace libatoll::bindings {

py::Status add_exception(PyObject* module, const char* home, const char* name, const char* doc,
                         PyObject* base, PyObject*& out) {
  const std::string qualified = std::string(home) + '.' + name;
  out = PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base, nullptr);
  return out && PyModule_AddObjectRef(module, name, out) == 0 ? py::Status::ok : py::Status::error;
}

}  // namespace libatoll::bindings
