#include "support/arguments.hpp"

#include <string>

#include "py/cpython_compat.hpp"
#include "support/id_argument.hpp"

namespace libatoll::bindings {

int convert_interpreter_id(PyObject* object, void* out) {
  return convert_id(object, "interpreter", *static_cast<std::int64_t*>(out)) ? 1 : 0;
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

runtime::InterpreterHandle find_interpreter(std::int64_t id, bool restricted, const char* action) {
  auto record = runtime::Registry::instance().find(id);
  if (restricted) require_own(*record, action);
  return record;
}

}  // namespace libatoll::bindings
