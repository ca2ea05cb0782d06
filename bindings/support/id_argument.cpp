#include "support/id_argument.hpp"

#include "py/ref.hpp"

namespace libatoll::bindings {

bool convert_id(PyObject* object, const char* kind, std::int64_t& out) {
  if (!PyIndex_Check(object)) {
    PyErr_Format(PyExc_TypeError, "%s ID must be an int, got %.100s", kind,
                 Py_TYPE(object)->tp_name);
    return false;
  }
  const py::Ref number = py::Ref::steal(PyNumber_Index(object));
  if (!number) return false;
  int overflow = 0;
  const long long id = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (overflow > 0) {
    PyErr_Format(PyExc_OverflowError, "%s ID must be less than 2**63, got %R", kind, number.get());
    return false;
  }
  if (overflow < 0 || id < 0) {
    PyErr_Format(PyExc_ValueError, "%s ID must be a non-negative int, got %R", kind, number.get());
    return false;
  }
  out = id;
  return true;
}

int convert_queue_id(PyObject* object, void* out) {
  return convert_id(object, "queue", *static_cast<std::int64_t*>(out)) ? 1 : 0;
}

}  // namespace libatoll::bindings
