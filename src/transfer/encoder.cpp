#include "transfer/encoder.hpp"

#include "transfer/context_impl.hpp"
#include "transfer/errors.hpp"
#include "transfer/library.hpp"

namespace libatoll::transfer {

using wire::Op;

Encoder::Encoder(Context& context, Mode mode)
    : context_(context),
      mode_(mode),
      scratch_(context.impl().encode_scratch.take()),
      writer_(scratch_->writer),
      memo_(scratch_->memo),
      shapes_(scratch_->shapes),
      frames_(scratch_->frames),
      attachments_(scratch_->attachments) {
  writer_.rewind(0);
  memo_.clear();
  shapes_.clear();
}

Encoder::~Encoder() {
  drop_frames();
  unpin();
  attachments_.clear();
  context_.impl().encode_scratch.give(std::move(scratch_));
}

std::size_t Encoder::attach(core::Handle<core::Object> object) {
  attachments_.push_back(std::move(object));
  return attachments_.size() - 1;
}

Encoder::Mark Encoder::mark() const noexcept {
  return {writer_.position(), memo_.next(), shapes_.next(), attachments_.size()};
}

void Encoder::rollback(const Mark& mark) noexcept {
  drop_frames();
  writer_.rewind(mark.position);
  unpin();
  memo_.clear(mark.objects);
  shapes_.clear(mark.shapes);
  attachments_.resize(mark.attachments);
}

void Encoder::may_run_python() {
  if (pinned_) return;
  pinned_ = true;
  // From here on no dict becomes a record; the values of those under way must live, and the keys
  // that stand in the path of an error.
  for (const EncodeFrame& frame : frames_) {
    if (frame.current) scratch_->pins.push_back(Py_NewRef(frame.current));
  }
  for (PyObject* object : scratch_->values) scratch_->pins.push_back(Py_NewRef(object));
  memo_.each([this](PyObject* object) { scratch_->pins.push_back(Py_NewRef(object)); });
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
  Step step = put(root);
  while (step == Step::opened) {
    if (frames_.empty()) {
      step = Step::done;
    } else {
      step = run_frame();
    }
  }
  switch (step) {
    case Step::done:
      return Outcome::done;
    case Step::refused:
      describe_path();
      drop_frames();
      return Outcome::refused;
    default:
      drop_frames();
      return Outcome::error;
  }
}

// put() for items of containers, with the commonest kinds at hand.
inline Encoder::Step Encoder::put_item(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  if (type == &PyUnicode_Type) return put_str(object);
  if (type == &PyLong_Type) {
    auto* const number = reinterpret_cast<PyLongObject*>(object);
    if (!PyUnstable_Long_IsCompact(number)) return put_int(object);
    writer_.reserve(9);
    writer_.put_int(PyUnstable_Long_CompactValue(number));
    return Step::done;
  }
  if (type == &PyFloat_Type) {
    writer_.reserve(9);
    writer_.put_op(Op::float64, 0);
    writer_.put(PyFloat_AS_DOUBLE(object));
    return Step::done;
  }
  return put(object);
}

// Writes items of the innermost container until it is complete or one of them is a container.
// `opened` means: go on with whatever frame is innermost now.
Encoder::Step Encoder::run_frame() {
  EncodeFrame& frame = frames_.back();
  switch (frame.kind) {
    case EncodeFrame::Kind::list:
      while (frame.index < frame.size) {
        if (PyList_GET_SIZE(frame.object) != frame.size) return changed("list");
        PyObject* const item = PyList_GET_ITEM(frame.object, frame.index++);
        if (const Step step = put_item(item); step != Step::done) return step;
      }
      if (PyList_GET_SIZE(frame.object) != frame.size) return changed("list");
      break;
    case EncodeFrame::Kind::tuple:
      while (frame.index < frame.size) {
        PyObject* const item = PyTuple_GET_ITEM(frame.object, frame.index++);
        if (const Step step = put_item(item); step != Step::done) return step;
      }
      break;
    case EncodeFrame::Kind::dict:
      if (const Step step = dict_items(frame); step != Step::done) return step;
      break;
    case EncodeFrame::Kind::record:
      if (const Step step = record_items(frame); step != Step::done) return step;
      break;
    case EncodeFrame::Kind::dict_value: {
      // The container that was a key is written; now its value, then the other entries.
      frame.kind = EncodeFrame::Kind::dict;
      const py::Ref item = py::Ref::steal(std::exchange(frame.extra, nullptr));
      const Step step = put(item.get());
      if (step != Step::done) return step;
      return Step::opened;
    }
    case EncodeFrame::Kind::set:
      while (PyObject* const item = PyIter_Next(frame.extra)) {
        frame.current = item;
        if (frame.index++ == frame.size) {
          Py_DECREF(item);
          return changed("set");
        }
        const Step step = put(item);
        Py_DECREF(item);  // the set keeps it; if it does not, the iterator complains
        if (step != Step::done) return step;
      }
      if (PyErr_Occurred()) return Step::error;
      if (frame.index != frame.size) return changed("set");
      break;
    case EncodeFrame::Kind::slice: {
      auto* const slice = reinterpret_cast<PySliceObject*>(frame.object);
      while (frame.index < 3) {
        PyObject* const parts[] = {slice->start, slice->stop, slice->step};
        if (const Step step = put(parts[frame.index++]); step != Step::done) return step;
      }
      break;
    }
  }
  pop_frame();
  return Step::opened;
}

Encoder::Step Encoder::dict_items(EncodeFrame& frame) {
  PyObject* key;
  PyObject* item;
  while (PyDict_Next(frame.object, &frame.index, &key, &item)) {
    if (frame.count++ == frame.size) return changed("dictionary");
    frame.current = key;
    if (pinned_) scratch_->pins.push_back(Py_NewRef(key));
    if (PyUnicode_CheckExact(key)) {
      put_str(key);
    } else {
      py::Ref kept = py::Ref::borrow(item);
      const Step step = put(key);
      if (step == Step::opened) {
        // `frame` is no longer valid: the key has a frame of its own, above this one.
        EncodeFrame& mine = frames_[frames_.size() - 2];
        mine.kind = EncodeFrame::Kind::dict_value;
        mine.extra = kept.release();
        return step;
      }
      if (step != Step::done) return step;
      if (const Step value = put(kept.get()); value != Step::done) return value;
      continue;
    }
    if (const Step step = put_item(item); step != Step::done) return step;
  }
  return frame.count == frame.size ? Step::done : changed("dictionary");
}

// The values were taken when the record was opened: what happens to the dict meanwhile does not
// matter.
Encoder::Step Encoder::record_items(EncodeFrame& frame) {
  while (frame.index < frame.size) {
    const auto index = static_cast<std::size_t>(frame.index++);
    if (const Step step = put_item(scratch_->values[frame.values + index]); step != Step::done) {
      return step;
    }
  }
  return Step::done;
}

Encoder::Step Encoder::open_dict(PyObject* object) {
  const Py_ssize_t size = PyDict_GET_SIZE(object);
  // Not for the outermost dict, which has no others beside it, nor when Python code may run: keys
  // of a dict that is not complete yet are not in the memo.
  if (size < ShapeTable::smallest || size > ShapeTable::largest || frames_.empty() || pinned_) {
    return open(object, EncodeFrame::Kind::dict, Op::dict, size);
  }
  std::vector<PyObject*>& values = scratch_->values;
  const std::size_t start = values.size();
  ShapeTable::Shape* const shape = shapes_.find_or_note(object, size, values);
  if (!shape) return open(object, EncodeFrame::Kind::dict, Op::dict, size);
  std::uint8_t flag;
  if (seen(object, flag)) {
    values.resize(start);
    return Step::done;
  }
  writer_.reserve(10);
  const std::uint32_t keys = shape->keys;
  if (shape->number != ShapeTable::undefined) {
    writer_.put_op(Op::record, flag);
    writer_.put_size(static_cast<std::size_t>(shape->number));
  } else {
    writer_.put_op(Op::shape, flag);
    writer_.put_size(static_cast<std::size_t>(size));
    shapes_.define(*shape);
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(size); ++i) {
      put_str(shapes_.key(keys + i));
    }
  }
  return push(object, EncodeFrame::Kind::record, size, keys, start);
}

Encoder::Step Encoder::changed(const char* what) {
  PyErr_Format(PyExc_RuntimeError, "%s changed size while it was being sent", what);
  return Step::error;
}

Encoder::Step Encoder::open(PyObject* object, EncodeFrame::Kind kind, Op op, Py_ssize_t size) {
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  writer_.reserve(10);
  writer_.put_op(op, flag);
  if (kind != EncodeFrame::Kind::slice) writer_.put_size(static_cast<std::size_t>(size));
  if (size == 0) return Step::done;
  return push(object, kind, size);
}

Encoder::Step Encoder::push(PyObject* object, EncodeFrame::Kind kind, Py_ssize_t size,
                            std::uint32_t keys, std::size_t values) {
  PyObject* iterator = nullptr;
  if (kind == EncodeFrame::Kind::set) {
    iterator = PyObject_GetIter(object);
    if (!iterator) return Step::error;
  }
  try {
    frames_.push_back({object, iterator, 0, size, 0, nullptr, kind, keys, values});
  } catch (...) {
    Py_XDECREF(iterator);
    throw;
  }
  Py_INCREF(object);
  if (kind != EncodeFrame::Kind::tuple) ++non_tuple_depth_;
  return Step::opened;
}

void Encoder::pop_frame() noexcept {
  const EncodeFrame frame = frames_.back();
  frames_.pop_back();
  const bool tuple = frame.kind == EncodeFrame::Kind::tuple;
  if (!tuple) --non_tuple_depth_;
  if (frame.kind == EncodeFrame::Kind::record) scratch_->values.resize(frame.values);
  Py_XDECREF(frame.extra);
  Py_DECREF(frame.object);
}

void Encoder::drop_frames() noexcept {
  while (!frames_.empty()) pop_frame();
}

Encoder::Step Encoder::put(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  if (type == &PyUnicode_Type) return put_str(object);
  if (type == &PyLong_Type) return put_int(object);
  if (object == Py_None) {
    writer_.op(Op::none);
    return Step::done;
  }
  if (type == &PyFloat_Type) {
    writer_.reserve(9);
    writer_.put_op(Op::float64, 0);
    writer_.put(PyFloat_AS_DOUBLE(object));
    return Step::done;
  }
  if (type == &PyTuple_Type) {
    return open(object, EncodeFrame::Kind::tuple, Op::tuple, PyTuple_GET_SIZE(object));
  }
  if (type == &PyBool_Type) {
    writer_.op(object == Py_True ? Op::true_ : Op::false_);
    return Step::done;
  }
  if (type == &PyBytes_Type) return put_bytes(object);
  if (type == &PyMemoryView_Type) return put_memory(object);
  if (mode_ != Mode::shareable) {
    if (type == &PyDict_Type) return open_dict(object);
    if (type == &PyList_Type) {
      return open(object, EncodeFrame::Kind::list, Op::list, PyList_GET_SIZE(object));
    }
  }
  return put_other(object);
}

Encoder::Step Encoder::put_other(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  const TypeEntry entry = context_.impl().types.find(type);
  if (entry.kind == Kind::extension) return put_extension(object, entry);
  if (mode_ != Mode::shareable) {
    if (entry.kind != Kind::unknown) return put_library(object, entry);
    if (type == &PySet_Type) {
      return open(object, EncodeFrame::Kind::set, Op::set, PySet_GET_SIZE(object));
    }
    if (type == &PyFrozenSet_Type) {
      return open(object, EncodeFrame::Kind::set, Op::frozenset, PySet_GET_SIZE(object));
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
      return open(object, EncodeFrame::Kind::slice, Op::slice, 3);
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
    const TypeEntry found = classify(context_, type);
    if (found.kind != Kind::unknown) return put_library(object, found);
  }
  culprit_ = py::Ref::borrow(object);
  return Step::refused;
}

void Encoder::describe_path() {
  path_.clear();
  for (const EncodeFrame& frame : frames_) {
    switch (frame.kind) {
      case EncodeFrame::Kind::list:
      case EncodeFrame::Kind::tuple:
        path_ += '[' + std::to_string(frame.index - 1) + ']';
        break;
      case EncodeFrame::Kind::record:
        path_ += '[' +
                 short_repr(shapes_.key(frame.keys + static_cast<std::uint32_t>(frame.index - 1))) +
                 ']';
        break;
      case EncodeFrame::Kind::dict:
        path_ += '[' + (frame.current ? short_repr(frame.current) : std::string("?")) + ']';
        break;
      case EncodeFrame::Kind::dict_value:
        path_ += " key";
        break;
      case EncodeFrame::Kind::set:
        path_ += " element";
        break;
      case EncodeFrame::Kind::slice: {
        static constexpr const char* parts[] = {".start", ".stop", ".step"};
        path_ += parts[frame.index - 1];
        break;
      }
    }
  }
}

}  // namespace libatoll::transfer
