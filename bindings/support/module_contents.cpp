#include "support/module_contents.hpp"

#include <string>

namespace libatoll::bindings {

py::Status add_exception(PyObject* module, const char* home, const char* name, const char* doc,
                         PyObject* base, PyObject*& out) {
  const std::string qualified = std::string(home) + '.' + name;
  out = PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base, nullptr);
  return out && PyModule_AddObjectRef(module, name, out) == 0 ? py::Status::ok : py::Status::error;
}

py::Status add_type(PyObject* module, PyTypeObject* type, PyTypeObject*& out) {
  out = type;
  return out && PyModule_AddType(module, out) == 0 ? py::Status::ok : py::Status::error;
}

py::Status add_namespace(PyObject* module, const char* attribute, const char* home,
                         PyMethodDef* functions) {
  const py::Ref space = py::Ref::steal(PyModule_New(home));
  const py::Ref home_name = py::Ref::steal(PyUnicode_FromString(home));
  if (!space || !home_name) return py::Status::error;
  for (PyMethodDef* method = functions; method->ml_name; ++method) {
    const py::Ref function = py::Ref::steal(PyCFunction_NewEx(method, module, home_name.get()));
    if (!function || PyModule_AddObjectRef(space.get(), method->ml_name, function.get()) != 0) {
      return py::Status::error;
    }
  }
  return PyModule_AddObjectRef(module, attribute, space.get()) == 0 ? py::Status::ok
                                                                    : py::Status::error;
}

}  // namespace libatoll::bindings
