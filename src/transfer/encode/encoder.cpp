#include "transfer/encode/encoder.hpp"

#include <algorithm>

#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/encode/simple.hpp"
#include "transfer/stdlib/stdlib_types.hpp"

namespace libatoll::transfer {

using wire::Op;

Encoder::Encoder(Context& context, Mode mode)
    : context_(context),
      uses_classes_(context.impl().classes),
      mode_(mode),
      scratch_(context.impl().encode_scratch.take()),
      writer_(scratch_->writer),
      memo_(scratch_->memo),
      shapes_(context.impl().sent_shapes),
      frames_(scratch_->frames),
      attachments_(scratch_->attachments),
      shape_message_(shapes_.new_message()) {
  writer_.rewind(0);
  memo_.clear();
}

Encoder::~Encoder() {
  drop_frames(0);
  unpin();
  scratch_->clear();
  context_.impl().encode_scratch.give(std::move(scratch_));
}

std::size_t Encoder::attach(core::Handle<core::Object> object) {
  attachments_.push_back(std::move(object));
  return attachments_.size() - 1;
}

Encoder::Mark Encoder::mark() const noexcept {
  return {writer_.position(), memo_.next(), next_shape_, attachments_.size()};
}

void Encoder::rollback(const Mark& mark) noexcept {
  writer_.rewind(mark.position);
  unpin();
  memo_.clear(mark.objects);
  shape_message_ = shapes_.new_message();
  next_shape_ = mark.shapes;
  attachments_.resize(mark.attachments);
}

void Encoder::may_run_python() {
  if (pinned_) return;
  pinned_ = true;
  // Containers under way are owned. The values of records must live, and the keys that stand in the
  // path of an error.
  for (const EncodeFrame& frame : frames_) {
    if (frame.current) scratch_->pins.push_back(Py_NewRef(frame.current));
  }
  pin_values(0);
  memo_.each([this](PyObject* object) { scratch_->pins.push_back(Py_NewRef(object)); });
}

void Encoder::pin_values(std::size_t start) {
  for (std::size_t i = start; i < scratch_->values.size(); ++i) {
    scratch_->pins.push_back(Py_NewRef(scratch_->values[i]));
  }
}

void Encoder::unpin() noexcept {
  pinned_ = false;
  for (PyObject* object : std::exchange(scratch_->pins, {})) Py_DECREF(object);
}

core::Message Encoder::finish() {
  core::Message message = writer_.finish();
  if (attachments_.size() == 1) {
    message.attach(std::move(attachments_.front()));
    attachments_.clear();
  } else if (!attachments_.empty()) {
    message.attach(std::make_unique<core::Attachments>(std::exchange(attachments_, {})));
  }
  return message;
}

bool Encoder::noted(PyObject* object, std::uint8_t& flag) {
  std::uint32_t number;
  if (!memo_.find_or_add(object, number)) {
    if (pinned_) scratch_->pins.push_back(Py_NewRef(object));
    flag = wire::memo_flag;
    return false;
  }
  is_cyclic_ |= std::find(late_.begin(), late_.end(), object) != late_.end();
  writer_.reserve(5);
  if (number <= 0xFF) {
    writer_.put_op(Op::ref8, 0);
    writer_.put(static_cast<std::uint8_t>(number));
  } else {
    writer_.put_op(Op::ref32, 0);
    writer_.put(number);
  }
  return true;
}

Encoder::Outcome Encoder::value(PyObject* root) {
  path_.clear();
  is_cyclic_ = false;
  switch (put(root)) {
    case Step::done:
      if (!is_cyclic_) return Outcome::done;
      (void)refuse(root);
      return Outcome::refused;
    case Step::refused:
      has_exceptions_ = has_exceptions_ || (culprit_ && PyExceptionInstance_Check(culprit_.get()));
      return Outcome::refused;
    default:
      return Outcome::error;
  }
}

Encoder::Step Encoder::put(PyObject* object) {
  if (put_simple(object)) return Step::done;
  PyTypeObject* const type = Py_TYPE(object);
  if (mode_ != Mode::shareable) {
    if (type == &PyDict_Type) return put_dict(object);
    if (type == &PyList_Type) {
      return open(object, EncodeFrame::Container::list, Op::list, PyList_GET_SIZE(object));
    }
  }
  if (type == &PyTuple_Type) {
    return open(object, EncodeFrame::Container::tuple, Op::tuple, PyTuple_GET_SIZE(object));
  }
  if (type == &PyLong_Type) return put_int(object);
  if (type == &PyBytes_Type) return put_bytes(object);
  if (type == &PyMemoryView_Type) return put_memory(object);
  return put_other(object);
}

Encoder::Step Encoder::put_other(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  const TypeEntry entry = context_.impl().types.find(type);
  if (entry.kind == TypeKind::extension) return put_extension(object, entry);
  if (mode_ != Mode::shareable) {
    if (entry.kind == TypeKind::registered) return put_registered(object);
    if (entry.kind != TypeKind::unknown) return put_stdlib(object, entry);
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
      const ClassFacts* const facts = context_.impl().classes.find(context_, type);
      if (!facts) return Step::error;
      if (facts->carriage != Carriage::none) return put_instance(object, *facts);
    }
    if (type == &PySet_Type) {
      return open(object, EncodeFrame::Container::set, Op::set, PySet_GET_SIZE(object));
    }
    if (type == &PyFrozenSet_Type) {
      return open(object, EncodeFrame::Container::frozenset, Op::frozenset, PySet_GET_SIZE(object));
    }
    if (type == &PyFunction_Type || type == &PyCFunction_Type || type == &PyType_Type) {
      return put_callable(object);
    }
    if (type == &PyByteArray_Type) return put_bytearray(object);
    if (type == &PyComplex_Type) {
      const Py_complex value = PyComplex_AsCComplex(object);
      writer_.op(Op::complex);
      writer_.raw(value.real);
      writer_.raw(value.imag);
      return Step::done;
    }
    if (type == &PySlice_Type) {
      return open(object, EncodeFrame::Container::slice, Op::slice, 3);
    }
    if (type == &PyRange_Type) return put_range(object);
    if (object == Py_Ellipsis) {
      writer_.op(Op::ellipsis);
      return Step::done;
    }
    if (object == Py_NotImplemented) {
      writer_.op(Op::not_implemented);
      return Step::done;
    }
    const py::Ref kept = py::Ref::borrow(object);
    may_run_python();  // what is found in the library may have to be loaded
    const TypeEntry found = classify(context_, type);
    if (found.kind == TypeKind::extension) return put_extension(object, found);
    if (found.kind != TypeKind::unknown) return put_stdlib(object, found);
  }
  culprit_ = py::Ref::borrow(object);
  return Step::refused;
}

}  // namespace libatoll::transfer
