#include "interpreters/interpreter_type.hpp"

#include <new>
#include <string>

#include "interpreters/run_code.hpp"
#include "runtime/process/lifecycle.hpp"
#include "support/arguments.hpp"

namespace libatoll::bindings {

namespace {

using runtime::InterpreterHandle;
using runtime::Whence;

struct InterpreterObject {
  PyObject_HEAD
  InterpreterHandle record;
  State* state;  ///< of the module of the type; alive as long as the type
  bool owns_reference;
  PyObject* weakrefs;
};

InterpreterObject& self_of(PyObject* object) {
  return *reinterpret_cast<InterpreterObject*>(object);
}

const char* describe(Whence whence) {
  switch (whence) {
    case Whence::runtime:
      return "runtime init";
    case Whence::legacy_capi:
      return "legacy C-API";
    case Whence::capi:
      return "C-API";
    case Whence::xi:
      return "cross-interpreter C-API";
    case Whence::stdlib:
      return "_interpreters module";
    case Whence::unknown:
      break;
  }
  return "unknown";
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"", "_whence", "_ownsref", nullptr};
  std::int64_t id = 0;
  PyObject *whence = nullptr, *owns = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$OO:Interpreter", const_cast<char**>(names),
                                   convert_interpreter_id, &id, &whence, &owns)) {
    return nullptr;
  }
  State* state = state_of_type(type);
  if (!state) return nullptr;
  const int owns_given = owns && owns != Py_None ? PyObject_IsTrue(owns) : -1;
  if (owns_given < 0 && PyErr_Occurred()) return nullptr;
  return translated(*state, [&]() -> PyObject* {
    InterpreterHandle record = runtime::Registry::instance().find(id);
    PyObject* object = type->tp_alloc(type, 0);
    if (!object) return nullptr;
    InterpreterObject& self = self_of(object);
    self.owns_reference = owns_given >= 0 ? owns_given != 0 : record->is_own();
    if (self.owns_reference) record->incref(false);
    new (&self.record) InterpreterHandle(std::move(record));
    self.state = state;
    return object;
  });
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  InterpreterObject& self = self_of(object);
  if (self.weakrefs) PyObject_ClearWeakRefs(object);
  if (self.owns_reference) {
    // May end the interpreter, here and now.
    PyObject* pending = PyErr_GetRaisedException();
    runtime::lifecycle::release_reference(*self.record);
    PyErr_SetRaisedException(pending);
  }
  self.record.~InterpreterHandle();
  type->tp_free(object);
  Py_DECREF(type);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  return 0;
}

PyObject* repr(PyObject* object) {
  return PyUnicode_FromFormat("%s(%lld)", "Interpreter",
                              static_cast<long long>(self_of(object).record->id()));
}

Py_hash_t hash(PyObject* object) {
  const py::Ref id = py::Ref::steal(PyLong_FromLongLong(self_of(object).record->id()));
  return id ? PyObject_Hash(id.get()) : -1;
}

PyObject* get_id(PyObject* object, void*) {
  return PyLong_FromLongLong(self_of(object).record->id());
}

PyObject* get_whence(PyObject* object, void*) {
  return PyUnicode_FromString(describe(self_of(object).record->whence()));
}

PyObject* is_running(PyObject* object, PyObject*) {
  InterpreterObject& self = self_of(object);
  return translated(*self.state, [&] {
    if (self.record->is_closed()) throw InterpreterNotFoundError(self.record->id());
    return PyBool_FromLong(self.record->is_running());
  });
}

PyObject* close(PyObject* object, PyObject*) {
  InterpreterObject& self = self_of(object);
  return translated(*self.state, [&] {
    if (self.record->is_closed()) throw InterpreterNotFoundError(self.record->id());
    require_own(*self.record, "destroy");
    runtime::lifecycle::close(*self.record);
    return Py_NewRef(Py_None);
  });
}

PyObject* exec(PyObject* object, PyObject* code) {
  InterpreterObject& self = self_of(object);
  return translated(*self.state, [&]() -> PyObject* {
    if (self.record->is_closed()) throw InterpreterNotFoundError(self.record->id());
    require_own(*self.record, "exec code for");
    if (!check_script_kind(code, ScriptKind::any, "exec")) return nullptr;
    return run_script(*self.state, *self.record, code, nullptr);
  });
}

PyObject* call(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  InterpreterObject& self = self_of(object);
  if (nargs < 1) {
    PyErr_SetString(PyExc_TypeError,
                    "Interpreter.call() missing 1 required positional argument: 'callable'");
    return nullptr;
  }
  return translated(*self.state, [&] {
    require_own(*self.record, "make a call in");
    return call_or_raise(*self.state, *self.record, args[0], args + 1, nargs - 1, kwnames);
  });
}

PyObject* prepare_main(PyObject* object, PyObject* updates) {
  InterpreterObject& self = self_of(object);
  if (!PyDict_Check(updates)) {
    PyErr_Format(PyExc_TypeError, "expected a dict, got %.100s", Py_TYPE(updates)->tp_name);
    return nullptr;
  }
  return translated(*self.state, [&] {
    if (self.record->is_closed()) throw InterpreterNotFoundError(self.record->id());
    require_own(*self.record, "update __main__ for");
    return bind_in_main(*self.state, *self.record, updates);
  });
}

PyMethodDef methods[] = {
    {"is_running", is_running, METH_NOARGS,
     "is_running($self, /)\n--\n\nReturn whether code runs in the interpreter's __main__."},
    {"close", close, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "End the interpreter.\n\nIts own threads are joined and its atexit callbacks run first. Raises\n"
     "InterpreterError for the main, the current or a running interpreter, and\n"
     "InterpreterNotFoundError if it is closed already."},
    {"call", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)),
     METH_FASTCALL | METH_KEYWORDS,
     "call($self, callable, /, *args, **kwargs)\n--\n\n"
     "Call the object in the interpreter and return its result.\n\n"
     "Runs in the calling thread. Callable, arguments and result are copied on the way. Raises\n"
     "ExecutionFailed for what the callable lets escape, NotShareableError for what cannot travel."},
    {"_exec", exec, METH_O,
     "_exec($self, code, /)\n--\n\nexec() that returns the snapshot of an uncaught exception."},
    {"_prepare_main", prepare_main, METH_O,
     "_prepare_main($self, updates, /)\n--\n\nprepare_main() for a dict."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"id", get_id, nullptr, "The interpreter's id, an int.", nullptr},
    {"_id", get_id, nullptr, "The interpreter's id, an int.", nullptr},
    {"whence", get_whence, nullptr, "Who made the interpreter, as text.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(InterpreterObject, weakrefs), Py_READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_hash, reinterpret_cast<void*>(hash)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc, const_cast<char*>("A handle to an interpreter of this process.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll._atoll.Interpreter",
    sizeof(InterpreterObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

PyTypeObject* make_interpreter_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

}  // namespace libatoll::bindings
