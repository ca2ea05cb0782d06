// Instances of classes that Python code defines, and of types that the user has registered.
#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/decode/simple.hpp"

namespace libatoll::transfer {

using wire::InstanceState;
using wire::Op;

namespace {

PyObject* refuse_class(PyObject* type) {
  PyErr_Format(PyExc_TypeError, "%R is not the class here that it is where its instance comes from",
               type);
  return nullptr;
}

/// As pickle does, since attributes are looked up by such names.
PyObject* interned(PyObject* name) {
  Py_INCREF(name);
  if (PyUnicode_CheckExact(name)) PyUnicode_InternInPlace(&name);
  return name;
}

}  // namespace

const ClassFacts* Decoder::read_class(Carriage carriage) {
  if (!next_is({Op::global, Op::main_global, Op::ref8, Op::ref32})) return nullptr;
  const auto type = py::Ref::steal(read());
  if (!type) return nullptr;
  if (!PyType_Check(type.get())) {
    corrupted();
    return nullptr;
  }
  const ClassFacts* const facts =
      context_.impl().classes.find(context_, reinterpret_cast<PyTypeObject*>(type.get()));
  if (!facts) return nullptr;
  if (facts->carriage == carriage) return facts;
  refuse_class(type.get());
  return nullptr;
}

PyObject* Decoder::read_instance(std::uint32_t slot) {
  const ClassFacts* const facts = read_class(Carriage::instance);
  if (!facts) return nullptr;
  const auto state = static_cast<InstanceState>(reader_.byte());
  if (reader_.failed() || state > InstanceState::both) return corrupted();
  if ((state == InstanceState::dict || state == InstanceState::both) && !facts->has_dict) {
    return refuse_class(facts->type.get());
  }
  auto* const type = reinterpret_cast<PyTypeObject*>(facts->type.get());
  auto object = py::Ref::steal(type->tp_alloc(type, 0));
  if (!object) return nullptr;
  if (slot != no_slot) keep(slot, object.get());
  if (state == InstanceState::none) return object.release();
  if (state == InstanceState::both) {
    if (depth_ > deepest_recursion) return corrupted();
    if (!py::Ref::steal(read_state(py::Ref::borrow(object.get()), facts))) return nullptr;
  }
  return read_state(std::move(object), facts);
}

// A state that is a record fills the attributes one by one; else it is a dict, which is taken
// apart.
PyObject* Decoder::read_state(py::Ref object, const ClassFacts* facts) {
  const std::uint8_t next = reader_.peek();
  if (next == static_cast<std::uint8_t>(Op::shape) ||
      next == static_cast<std::uint8_t>(Op::record)) {
    (void)reader_.byte();
    const KnownShape* const shape =
        static_cast<Op>(next) == Op::shape ? read_shape() : read_shape_number();
    if (!shape) return nullptr;
    if (!shape->attributes_ready) {
      for (PyObject* key : shape->keys) shape->attributes.push_back(py::Ref::steal(interned(key)));
      shape->attributes_ready = true;
    }
    return enter(std::move(object), DecodeFrame::Container::attributes,
                 static_cast<Py_ssize_t>(shape->keys.size()), no_slot, shape, facts);
  }
  if (!next_is({Op::dict, Op::shape, Op::record, Op::ref8, Op::ref32})) return nullptr;
  return enter(std::move(object), DecodeFrame::Container::state, 1, no_slot, nullptr, facts);
}

bool Decoder::set_attribute(PyObject* object, const ClassFacts& facts, PyObject* name,
                            PyObject* value) {
  int has_descriptor = facts.descriptors ? PySet_Contains(facts.descriptors.get(), name) : 0;
  if (has_descriptor == 0 && PyUnicode_GET_LENGTH(name) > 1 &&
      PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_') {
    has_descriptor = 1;  // such as __dict__ and __class__
  }
  if (has_descriptor < 0) return false;
  if (has_descriptor == 0) return PyObject_GenericSetAttr(object, name, value) == 0;
  const auto dict = py::Ref::steal(PyObject_GenericGetDict(object, nullptr));
  return dict && PyDict_SetItem(dict.get(), name, value) == 0;
}

bool Decoder::set_state(PyObject* object, const ClassFacts& facts, PyObject* state) {
  if (!PyDict_CheckExact(state)) {
    corrupted();
    return false;
  }
  Py_ssize_t position = 0;
  PyObject* key;
  PyObject* value;
  while (PyDict_Next(state, &position, &key, &value)) {
    const py::Ref kept = py::Ref::borrow(value);
    const auto name = py::Ref::steal(interned(key));
    if (PyUnicode_CheckExact(key)) {
      if (!set_attribute(object, facts, name.get(), value)) return false;
      continue;
    }
    const auto dict = py::Ref::steal(PyObject_GenericGetDict(object, nullptr));
    if (!dict || PyDict_SetItem(dict.get(), key, value) < 0) return false;
  }
  return true;
}

PyObject* Decoder::read_named_tuple() {
  if (depth_ >= deepest_recursion) return corrupted();
  const ClassFacts* const facts = read_class(Carriage::named_tuple);
  if (!facts) return nullptr;
  const std::size_t count = reader_.count();
  if (reader_.failed()) return corrupted();
  const auto size = static_cast<Py_ssize_t>(count);
  auto items = py::Ref::steal(PyTuple_New(size));
  if (!items) return nullptr;
  items = py::Ref::steal(
      enter(std::move(items), DecodeFrame::Container::tuple, size, no_slot, nullptr, nullptr));
  const auto args = py::Ref::steal(items ? PyTuple_Pack(1, items.get()) : nullptr);
  if (!args) return nullptr;
  return PyTuple_Type.tp_new(reinterpret_cast<PyTypeObject*>(facts->type.get()), args.get(),
                             nullptr);
}

PyObject* Decoder::read_member() {
  const ClassFacts* const facts = read_class(Carriage::member);
  if (!facts || !next_is({Op::str_short, Op::str_ascii, Op::str1, Op::str2, Op::str4})) {
    return nullptr;
  }
  const auto name = py::Ref::steal(read_key());
  if (!name) return nullptr;
  PyObject* const member = PyDict_GetItemWithError(facts->members.get(), name.get());
  if (!member && !PyErr_Occurred()) {
    PyErr_Format(PyExc_AttributeError, "%R has no member %R here", facts->type.get(), name.get());
  }
  return Py_XNewRef(member);
}

PyObject* Decoder::read_registered() {
  if (depth_ >= deepest_recursion) return corrupted();
  if (!next_is({Op::global, Op::main_global, Op::function, Op::ref8, Op::ref32})) return nullptr;
  ++depth_;
  const auto decode = py::Ref::steal(read());
  const auto value = py::Ref::steal(decode ? read() : nullptr);
  --depth_;
  return value ? PyObject_CallOneArg(decode.get(), value.get()) : nullptr;
}

}  // namespace libatoll::transfer
