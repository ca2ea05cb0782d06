// Instances of classes that Python code defines, and of types that the user has registered.
#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/encode/simple.hpp"

namespace libatoll::transfer {

using wire::InstanceState;
using wire::Op;

// Every instance names its class; all but the first do so by number.
Encoder::Step Encoder::put_class(PyObject* type) {
  std::uint8_t flag;
  if (noted(type, flag)) return Step::done;
  return write_global(type, flag);
}

Encoder::Step Encoder::put_instance(PyObject* object, const ClassFacts& facts) {
  switch (facts.carriage) {
    case Carriage::instance:
      return put_attributes(object, facts);
    case Carriage::named_tuple:
      return put_named_tuple(object, facts);
    case Carriage::member:
      return put_member(object, facts);
    case Carriage::registered:
    case Carriage::none:
      break;
  }
  return refuse(object);
}

Encoder::Step Encoder::put_attributes(PyObject* object, const ClassFacts& facts) {
  const py::Ref kept = py::Ref::borrow(object);
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  writer_.op(Op::instance, flag);
  if (const Step step = put_class(facts.type.get()); step != Step::done) return step;
  py::Ref slots;
  if (!facts.slots.empty()) {
    slots = slots_of(object, facts);
    if (!slots) return PyErr_Occurred() ? Step::error : refuse(object);
    if (PyDict_GET_SIZE(slots.get()) == 0) slots.reset();
  }
  py::Ref dict;
  if (facts.has_dict) {
    dict = py::Ref::steal(PyObject_GenericGetDict(object, nullptr));
    if (!dict) return Step::error;
    if (PyDict_GET_SIZE(dict.get()) == 0) dict.reset();
  }
  // One state may be the last thing that is written, on a stack of frames too; two may not.
  if (slots && dict && depth_ > deepest_recursion) return refuse(object);
  writer_.raw(slots && dict ? InstanceState::both
              : slots       ? InstanceState::slots
              : dict        ? InstanceState::dict
                            : InstanceState::none);
  // The dict of the slots is ours alone; to that of the attributes the object refers, and so do we.
  Step step = slots ? put_state(slots.get(), 1) : Step::done;
  if (step == Step::done && dict) step = put_state(dict.get(), 2);
  return step;
}

Encoder::Step Encoder::put_state(PyObject* dict, Py_ssize_t owners) {
  const Step step = put_dict(dict, owners);
  // Attributes are no items: `.x`, not `['x']`.
  if (step != Step::done && step != Step::opened && path_.starts_with("['")) {
    if (const std::size_t end = path_.find("']"); end != std::string::npos) {
      path_ = '.' + path_.substr(2, end - 2) + path_.substr(end + 2);
    }
  }
  return step;
}

py::Ref Encoder::slots_of(PyObject* object, const ClassFacts& facts) {
  auto slots = py::Ref::steal(PyDict_New());
  if (!slots) return {};
  for (const py::Ref& name : facts.slots) {
    const auto value = py::Ref::steal(PyObject_GenericGetAttr(object, name.get()));
    if (!value) {
      if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return {};
      PyErr_Clear();
      if (facts.all_slots) return {};
      continue;
    }
    if (PyDict_SetItem(slots.get(), name.get(), value.get()) < 0) return {};
  }
  return slots;
}

Encoder::Step Encoder::put_named_tuple(PyObject* object, const ClassFacts& facts) {
  const py::Ref kept = py::Ref::borrow(object);
  // The receiver makes it when it has the items, for which there are no frames.
  if (depth_ >= deepest_recursion) return refuse(object);
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  writer_.op(Op::named_tuple, flag);
  if (const Step step = put_class(facts.type.get()); step != Step::done) return step;
  const Py_ssize_t size = PyTuple_GET_SIZE(object);
  writer_.size(static_cast<std::size_t>(size));
  return enter(object, EncodeFrame::Container::named_tuple, size);
}

Encoder::Step Encoder::put_member(PyObject* object, const ClassFacts& facts) {
  const auto name =
      py::Ref::steal(PyObject_GenericGetAttr(object, context_.impl().names.member_name.get()));
  if (!name || !PyUnicode_CheckExact(name.get())) {
    PyErr_Clear();
    return refuse(object);
  }
  // A flag of several members, or of none, has no place among them.
  PyObject* const member = PyDict_GetItemWithError(facts.members.get(), name.get());
  if (member != object) return PyErr_Occurred() ? Step::error : refuse(object);
  std::uint8_t flag;
  if (noted(object, flag)) return Step::done;
  writer_.op(Op::member, flag);
  if (const Step step = put_class(facts.type.get()); step != Step::done) return step;
  put_text(name.get());
  return Step::done;
}

Encoder::Step Encoder::put_registered(PyObject* object) {
  const ClassFacts& facts = *context_.impl().classes.find_registered(Py_TYPE(object));
  const py::Ref kept = py::Ref::borrow(object);
  if (depth_ >= deepest_recursion) return refuse(object);
  may_run_python();
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  const Late late(*this, object);
  writer_.op(Op::registered, flag);
  const py::Ref decode = facts.decode;
  const auto value = py::Ref::steal(PyObject_CallOneArg(facts.encode.get(), object));
  if (!value) {
    culprit_ = py::Ref::borrow(object);
    return Step::error;
  }
  // Lives until the message is complete: other values may refer to it by number.
  scratch_->pins.push_back(Py_NewRef(value.get()));
  ++depth_;
  ++non_tuple_depth_;
  Step step = PyType_Check(decode.get()) ? put_class(decode.get()) : put(decode.get());
  if (step == Step::done) step = put(value.get());
  --non_tuple_depth_;
  --depth_;
  return step;
}

}  // namespace libatoll::transfer
