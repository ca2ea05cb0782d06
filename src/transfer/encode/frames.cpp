// Containers that are nested more deeply than recursion should be: on a stack of frames.
#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/encode/simple.hpp"

namespace libatoll::transfer {

using Container = EncodeFrame::Container;

// The first of these containers runs all that are in it; the others only push their frame.
Encoder::Step Encoder::run_frames(PyObject* object, Container kind, Py_ssize_t size,
                                  std::size_t values) {
  const std::size_t floor = frames_.size();
  const bool runs = depth_ == deepest_recursion;
  Step step = push(object, kind, size, values);
  if (!runs) return step;
  ++depth_;
  while (step == Step::opened) step = frames_.size() == floor ? Step::done : run_frame();
  --depth_;
  if (step != Step::done) {
    path_.insert(0, describe_frames());
    drop_frames(floor);
  }
  return step;
}

// Writes items of the innermost container until it is complete or one of them is a container.
// `opened` means: go on with whatever frame is innermost now.
Encoder::Step Encoder::run_frame() {
  EncodeFrame& frame = frames_.back();
  switch (frame.kind) {
    case Container::list:
      while (frame.index < frame.size) {
        if (PyList_GET_SIZE(frame.object) != frame.size) return changed("list");
        PyObject* const item = PyList_GET_ITEM(frame.object, frame.index++);
        if (const Step step = put(item); step != Step::done) return step;
      }
      if (PyList_GET_SIZE(frame.object) != frame.size) return changed("list");
      break;
    case Container::tuple:
    case Container::named_tuple:
      while (frame.index < frame.size) {
        PyObject* const item = PyTuple_GET_ITEM(frame.object, frame.index++);
        if (const Step step = put(item); step != Step::done) return step;
      }
      break;
    case Container::dict:
      if (const Step step = run_dict(frame); step != Step::done) return step;
      break;
    case Container::record:
      while (frame.index < frame.size) {
        const auto index = frame.values + static_cast<std::size_t>(frame.index++);
        if (const Step step = put(scratch_->values[index]); step != Step::done) return step;
      }
      break;
    case Container::dict_value: {
      // The container that was a key is written; now its value, then the other entries.
      frame.kind = Container::dict;
      const py::Ref item = py::Ref::steal(std::exchange(frame.extra, nullptr));
      const Step step = put(item.get());
      if (step != Step::done) return step;
      return Step::opened;
    }
    case Container::set:
    case Container::frozenset:
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
    case Container::slice: {
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

Encoder::Step Encoder::run_dict(EncodeFrame& frame) {
  PyObject* key;
  PyObject* item;
  while (PyDict_Next(frame.object, &frame.index, &key, &item)) {
    if (frame.count++ == frame.size) return changed("dictionary");
    frame.current = key;
    if (pinned_) scratch_->pins.push_back(Py_NewRef(key));
    const py::Ref kept = py::Ref::borrow(item);
    if (const Step step = put(key); step == Step::opened) {
      // `frame` is no longer valid: the key has a frame of its own, above this one.
      EncodeFrame& mine = frames_[frames_.size() - 2];
      mine.kind = Container::dict_value;
      mine.extra = Py_NewRef(kept.get());
      return step;
    } else if (step != Step::done) {
      return step;
    }
    if (const Step step = put(kept.get()); step != Step::done) return step;
  }
  return frame.count == frame.size ? Step::done : changed("dictionary");
}

Encoder::Step Encoder::push(PyObject* object, Container kind, Py_ssize_t size, std::size_t values) {
  py::Ref iterator;
  if (kind == Container::set || kind == Container::frozenset) {
    iterator = py::Ref::steal(PyObject_GetIter(object));
    if (!iterator) return Step::error;
  }
  frames_.push_back({object, iterator.get(), 0, size, 0, nullptr, kind, values});
  (void)iterator.release();
  Py_INCREF(object);
  if (kind != Container::tuple) ++non_tuple_depth_;
  if (is_late(kind)) late_.push_back(object);
  return Step::opened;
}

void Encoder::pop_frame() noexcept {
  const EncodeFrame frame = frames_.back();
  frames_.pop_back();
  if (frame.kind != Container::tuple) --non_tuple_depth_;
  if (is_late(frame.kind)) late_.pop_back();
  if (frame.kind == Container::record) scratch_->values.shrink_to(frame.values);
  Py_XDECREF(frame.extra);
  Py_DECREF(frame.object);
}

void Encoder::drop_frames(std::size_t floor) noexcept {
  while (frames_.size() > floor) pop_frame();
}

PyObject* Encoder::nth_key(PyObject* dict, Py_ssize_t index) noexcept {
  PyObject* key = nullptr;
  for (Py_ssize_t position = 0; index >= 0 && PyDict_Next(dict, &position, &key, nullptr);) --index;
  return index < 0 ? key : nullptr;
}

std::string Encoder::describe_frames() const {
  std::string path;
  for (const EncodeFrame& frame : frames_) {
    switch (frame.kind) {
      case Container::list:
      case Container::tuple:
      case Container::named_tuple:
        path += '[' + std::to_string(frame.index - 1) + ']';
        break;
      case Container::record:
        path += '[' + short_repr(nth_key(frame.object, frame.index - 1)) + ']';
        break;
      case Container::dict:
        path += '[' + (frame.current ? short_repr(frame.current) : std::string("?")) + ']';
        break;
      case Container::dict_value:
        path += " key";
        break;
      case Container::set:
      case Container::frozenset:
        path += " element";
        break;
      case Container::slice: {
        static constexpr const char* parts[] = {".start", ".stop", ".step"};
        path += parts[frame.index - 1];
        break;
      }
    }
  }
  return path;
}

}  // namespace libatoll::transfer
