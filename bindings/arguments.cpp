#include "arguments.hpp"

#include <string>

#include "py/cpython_compat.hpp"

namespace atoll::bindings {

int convert_interpreter_id(PyObject* object, void* out) {
  if (!PyIndex_Check(object)) {
    PyErr_Format(PyExc_TypeError, "interpreter ID must be an int, got %.100s",
                 Py_TYPE(object)->tp_name);
    return 0;
  }
  const py::Ref number = py::Ref::steal(PyNumber_Index(object));
  if (!number) return 0;
  int overflow = 0;
  const long long id = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (overflow > 0) {
    PyErr_SetString(PyExc_OverflowError, "interpreter ID must be less than 2**63");
    return 0;
  }
  if (overflow < 0 || id < 0) {
    PyErr_Format(PyExc_ValueError, "interpreter ID must be a non-negative int, got %R",
                 number.get());
    return 0;
  }
  *static_cast<std::int64_t*>(out) = id;
  return 1;
}

bool require_dict(PyObject* object, const char* function, int position, const char* name) {
  if (PyDict_Check(object)) return true;
  const char* type = object == Py_None ? "None" : Py_TYPE(object)->tp_name;
#if ATOLL_ARGUMENT_ERRORS_NAME_POSITIONS
  (void)name;
  PyErr_Format(PyExc_TypeError, "_interpreters.%s() argument %d must be dict, not %.100s", function,
               position, type);
#else
  (void)position;
  PyErr_Format(PyExc_TypeError, "%s() argument '%s' must be dict, not %.100s", function, name,
               type);
#endif
  return false;
}

void require_own(const runtime::Interpreter& interpreter, const char* action) {
  if (!interpreter.is_own()) {
    throw InterpreterError("cannot " + std::string(action) + " unrecognized interpreter " +
                           std::to_string(interpreter.id()));
  }
}

runtime::InterpreterHandle find_interpreter(std::int64_t id, bool restrict, const char* action) {
  auto record = runtime::Registry::instance().find(id);
  if (restrict) require_own(*record, action);
  return record;
}

}  // namespace atoll::bindings
