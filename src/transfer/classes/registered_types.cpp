#include "transfer/classes/registered_types.hpp"

#include <algorithm>

#include "transfer/context/impl.hpp"
#include "transfer/stdlib/stdlib_types.hpp"

namespace libatoll::transfer {
namespace {

bool is_built_in(PyTypeObject* type) {
  PyTypeObject* const all[] = {
      &PyUnicode_Type,    &PyLong_Type,         &PyFloat_Type,
      Py_TYPE(Py_None),   &PyBool_Type,         &PyTuple_Type,
      &PyList_Type,       &PyDict_Type,         &PySet_Type,
      &PyFrozenSet_Type,  &PyBytes_Type,        &PyByteArray_Type,
      &PyComplex_Type,    &PySlice_Type,        &PyRange_Type,
      &PyMemoryView_Type, &PyType_Type,         &PyFunction_Type,
      &PyCFunction_Type,  Py_TYPE(Py_Ellipsis), Py_TYPE(Py_NotImplemented),
  };
  return std::find(std::begin(all), std::end(all), type) != std::end(all);
}

}  // namespace

py::Status register_type(Context& context, PyObject* type, PyObject* encode, PyObject* decode) {
  if (!PyType_Check(type)) {
    PyErr_Format(PyExc_TypeError, "expected a class, not %s", Py_TYPE(type)->tp_name);
    return py::Status::error;
  }
  if (!PyCallable_Check(encode) || !PyCallable_Check(decode)) {
    PyErr_SetString(PyExc_TypeError, "encode and decode must be callable");
    return py::Status::error;
  }
  Context::Impl& impl = context.impl();
  auto* const actual = reinterpret_cast<PyTypeObject*>(type);
  try {
    TypeKind kind = impl.types.find(actual).kind;
    if (kind == TypeKind::unknown) kind = classify(context, actual).kind;
    if (is_built_in(actual) || (kind != TypeKind::unknown && kind != TypeKind::registered)) {
      PyErr_Format(PyExc_ValueError, "%s travels natively", actual->tp_name);
      return py::Status::error;
    }
    impl.classes.set_registered(actual, py::Ref::borrow(encode), py::Ref::borrow(decode));
    impl.types.add({actual, TypeKind::registered, 0});
    return py::Status::ok;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return py::Status::error;
  }
}

py::Ref encode_registered(Context& context, PyObject* object) {
  const ClassFacts* const facts = context.impl().classes.find_registered(Py_TYPE(object));
  if (!facts) return {};
  // The function may take itself out of the table.
  const py::Ref encode = facts->encode;
  return py::Ref::steal(PyObject_CallOneArg(encode.get(), object));
}

py::Status unregister_type(Context& context, PyObject* type) {
  Context::Impl& impl = context.impl();
  auto* const actual = reinterpret_cast<PyTypeObject*>(type);
  if (!PyType_Check(type) || !impl.classes.find_registered(actual)) {
    PyErr_SetObject(PyExc_KeyError, type);
    return py::Status::error;
  }
  try {
    impl.types.add({actual, TypeKind::unknown, 0});
    impl.classes.set_registered(actual, {}, {});
    return py::Status::ok;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return py::Status::error;
  }
}

}  // namespace libatoll::transfer
