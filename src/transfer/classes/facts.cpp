#include "transfer/classes/facts.hpp"

#include <initializer_list>

#include "transfer/context/impl.hpp"

namespace libatoll::transfer {
namespace {

PyObject* as_object(PyTypeObject* type) {
  return reinterpret_cast<PyObject*>(type);
}

/// The class's own attribute, borrowed; null without an error.
PyObject* own(PyTypeObject* type, const char* name) {
  const auto dict = py::Ref::steal(PyType_GetDict(type));
  PyObject* const found = dict ? PyDict_GetItemString(dict.get(), name) : nullptr;
  return found;
}

/// The attribute of the first class that has it.
PyObject* inherited(PyTypeObject* type, const char* name) {
  PyObject* const mro = type->tp_mro;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); ++i) {
    auto* const each = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
    if (PyObject* const found = own(each, name)) return found;
  }
  return nullptr;
}

/// Does a class of Python code, down to `root`, say itself how it is pickled?
bool pickles_itself(PyTypeObject* type, PyTypeObject* root,
                    std::initializer_list<const char*> names) {
  PyObject* const mro = type->tp_mro;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); ++i) {
    auto* const each = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
    if (each == root || each == &PyBaseObject_Type) continue;
    if (!PyType_HasFeature(each, Py_TPFLAGS_HEAPTYPE)) return true;
    for (const char* name : names) {
      if (own(each, name)) return true;
    }
  }
  return false;
}

bool has_attributes(PyTypeObject* type) {
  return PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT) || type->tp_dictoffset != 0;
}

py::Ref attribute(const char* module_name, const char* name) {
  PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), module_name);
  auto found = py::Ref::steal(module ? PyObject_GetAttrString(module, name) : nullptr);
  PyErr_Clear();
  return found;
}

// --- instances ------------------------------------------------------------------------------

/// Slots and properties of one class. False: it has something that object's pickling would miss.
bool note_descriptors(PyTypeObject* type, ClassFacts& facts) {
  const auto dict = py::Ref::steal(PyType_GetDict(type));
  const bool has_slots = dict && PyDict_GetItemString(dict.get(), "__slots__");
  Py_ssize_t position = 0;
  PyObject* name;
  PyObject* value;
  while (dict && PyDict_Next(dict.get(), &position, &name, &value)) {
    if (!Py_TYPE(value)->tp_descr_set || !PyUnicode_CheckExact(name)) continue;
    if (Py_TYPE(value) == &PyMemberDescr_Type) {
      if (!has_slots) return false;
      facts.slots.push_back(py::Ref::borrow(name));
      continue;
    }
    if (PyUnicode_CompareWithASCIIString(name, "__dict__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__weakref__") == 0) {
      continue;
    }
    if (!facts.descriptors) facts.descriptors = py::Ref::steal(PySet_New(nullptr));
    if (!facts.descriptors || PySet_Add(facts.descriptors.get(), name) < 0) return false;
  }
  return true;
}

/// Frozen dataclasses with slots have the state of their fields; that is all slots.
bool has_dataclass_state(PyTypeObject* type, const ClassFacts& facts) {
  PyObject* const get = inherited(type, "__getstate__");
  PyObject* const set = own(type, "__setstate__");
  if (!get || !set || get != own(type, "__getstate__") ||
      get != attribute("dataclasses", "_dataclass_getstate").get() ||
      set != attribute("dataclasses", "_dataclass_setstate").get()) {
    return false;
  }
  PyObject* const fields = own(type, "__dataclass_fields__");
  return fields && PyDict_Check(fields) && !facts.has_dict &&
         static_cast<std::size_t>(PyDict_GET_SIZE(fields)) == facts.slots.size();
}

void examine_instance(PyTypeObject* type, ClassFacts& facts) {
  if (type->tp_new != PyBaseObject_Type.tp_new || type->tp_itemsize != 0 ||
      pickles_itself(type, &PyBaseObject_Type,
                     {"__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__"})) {
    return;
  }
  facts.has_dict = has_attributes(type);
  PyObject* const mro = type->tp_mro;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); ++i) {
    auto* const each = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
    if (each != &PyBaseObject_Type && !note_descriptors(each, facts)) return;
  }
  // Of a base that is written in C, pickle knows nothing.
  const auto slots = static_cast<Py_ssize_t>(facts.slots.size() * sizeof(PyObject*));
  if (type->tp_basicsize != PyBaseObject_Type.tp_basicsize + slots) return;
  if (pickles_itself(type, &PyBaseObject_Type, {"__getstate__", "__setstate__"})) {
    if (!has_dataclass_state(type, facts)) return;
    facts.all_slots = true;
  } else if (!facts.slots.empty() && type->tp_setattro != PyObject_GenericSetAttr) {
    return;  // pickle would call __setattr__
  }
  facts.carriage = Carriage::instance;
}

// --- named tuples ---------------------------------------------------------------------------

bool is_of_namedtuple(StdlibTypes& types, PyObject* getnewargs, PyObject* constructor) {
  if (!types.namedtuple_code) {
    const py::Ref make = attribute("collections", "namedtuple");
    const auto sample =
        py::Ref::steal(make ? PyObject_CallFunction(make.get(), "ss", "_", "a") : nullptr);
    const auto method =
        py::Ref::steal(sample ? PyObject_GetAttrString(sample.get(), "__getnewargs__") : nullptr);
    if (method && PyFunction_Check(method.get())) {
      types.namedtuple_code.set_once(py::Ref::borrow(PyFunction_GET_CODE(method.get())));
    }
    PyErr_Clear();
  }
  if (!PyFunction_Check(getnewargs) ||
      PyFunction_GET_CODE(getnewargs) != types.namedtuple_code.get()) {
    return false;
  }
  const auto function = py::Ref::steal(PyObject_GetAttrString(constructor, "__func__"));
  PyErr_Clear();
  return function && PyFunction_Check(function.get()) &&
         PyDict_GetItemString(PyFunction_GET_GLOBALS(function.get()), "_tuple_new");
}

void examine_tuple(StdlibTypes& types, PyTypeObject* type, ClassFacts& facts) {
  PyObject* const getnewargs = own(type, "__getnewargs__");
  PyObject* const constructor = own(type, "__new__");
  if (!getnewargs || !constructor || has_attributes(type) ||
      pickles_itself(
          type, &PyTuple_Type,
          {"__reduce__", "__reduce_ex__", "__getnewargs_ex__", "__getstate__", "__setstate__"}) ||
      !is_of_namedtuple(types, getnewargs, constructor)) {
    return;
  }
  facts.carriage = Carriage::named_tuple;
}

// --- enums ----------------------------------------------------------------------------------

void examine_enum(PyTypeObject* type, ClassFacts& facts) {
  PyObject* const reduce = inherited(type, "__reduce_ex__");
  const py::Ref base = attribute("enum", "Enum");
  if (!base || !PyType_Check(base.get()) || !reduce) return;
  if (reduce != own(reinterpret_cast<PyTypeObject*>(base.get()), "__reduce_ex__") &&
      reduce != attribute("enum", "pickle_by_enum_name").get() &&
      reduce != attribute("enum", "pickle_by_global_name").get()) {
    return;
  }
  PyObject* const members = own(type, "_member_map_");
  if (!members || !PyDict_CheckExact(members)) return;
  facts.members = py::Ref::borrow(members);
  facts.carriage = Carriage::member;
}

}  // namespace

void examine(Context& context, PyTypeObject* type, ClassFacts& facts) {
  if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) || !type->tp_mro ||
      type->tp_getattro != PyObject_GenericGetAttr) {
    return;
  }
  if (as_object(Py_TYPE(type)) == attribute("enum", "EnumType").get()) {
    examine_enum(type, facts);
  } else if (type->tp_base == &PyTuple_Type) {
    examine_tuple(context.impl().stdlib_types, type, facts);
  } else {
    examine_instance(type, facts);
  }
  if (PyErr_Occurred()) {
    PyErr_Clear();
    facts.carriage = Carriage::none;
  }
}

}  // namespace libatoll::transfer
