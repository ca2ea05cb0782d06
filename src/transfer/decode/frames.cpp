// Containers that are nested more deeply than recursion should be: on a stack of frames.
#include <cstring>

#include "transfer/context/impl.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/decode/simple.hpp"

namespace libatoll::transfer {

using Container = DecodeFrame::Container;

// The first of these containers runs all that are in it; the others only push their frame.
PyObject* Decoder::run_frames(py::Ref object, Container kind, Py_ssize_t size, std::uint32_t slot,
                              const KnownShape* shape, const ClassFacts* facts) {
  const std::size_t floor = frames_.size();
  const bool runs = depth_ == deepest_recursion;
  frames_.push_back({object.get(), nullptr, 0, size, slot, kind, shape, facts});
  (void)object.release();
  opened_ = true;
  if (!runs) return nullptr;
  ++depth_;
  PyObject* const whole = run_to(floor);
  --depth_;
  opened_ = false;
  if (!whole) drop_frames(floor);
  return whole;
}

PyObject* Decoder::run_to(std::size_t floor) {
  for (;;) {
    opened_ = false;
    if (!fill(frames_.back())) {
      if (!opened_) return nullptr;
      continue;
    }
    const DecodeFrame done = frames_.back();
    frames_.pop_back();
    if (done.slot != no_slot) {
      keep(done.slot, done.object);
    }
    if (frames_.size() == floor) return done.object;
    if (!accept(frames_.back(), done.object)) return nullptr;
  }
}

void Decoder::drop_frames(std::size_t floor) noexcept {
  while (frames_.size() > floor) {
    const DecodeFrame frame = frames_.back();
    frames_.pop_back();
    Py_XDECREF(frame.key);
    Py_DECREF(frame.object);
  }
}

// Reads items until the container is complete (true) or one of them has to be filled first (false,
// with `opened_`) or is wrong (false). An item that has to be filled pushes a frame: `frame` is
// then no longer valid.
bool Decoder::fill(DecodeFrame& frame) {
  PyObject* item;
  PyObject* const object = frame.object;
  switch (frame.kind) {
    case Container::list:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        PyList_SET_ITEM(object, frame.index++, item);
      }
      return true;
    case Container::tuple:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        PyTuple_SET_ITEM(object, frame.index++, item);
      }
      return true;
    case Container::record:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        PyObject* const key = frame.shape->keys[static_cast<std::size_t>(frame.index++)];
        const int status = PyDict_SetItem(object, key, item);
        Py_DECREF(item);
        if (status < 0) return false;
      }
      return true;
    case Container::dict:
      while (frame.index < frame.size) {
        if (!frame.key) {
          if (!(item = read_key())) return false;
          frame.key = item;
        }
        if (!(item = read_item())) return false;
        const int status = PyDict_SetItem(object, frame.key, item);
        Py_DECREF(item);
        Py_CLEAR(frame.key);
        if (status < 0) return false;
        ++frame.index;
      }
      return true;
    default:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        if (!accept(frame, item)) return false;
      }
      return true;
  }
}

// Puts a finished item (its reference is taken) where the container is waiting for it.
bool Decoder::accept(DecodeFrame& frame, PyObject* item) {
  py::Ref owned = py::Ref::steal(item);
  switch (frame.kind) {
    case Container::list:
      PyList_SET_ITEM(frame.object, frame.index++, owned.release());
      return true;
    case Container::tuple:
      PyTuple_SET_ITEM(frame.object, frame.index++, owned.release());
      return true;
    case Container::dict: {
      if (!frame.key) {
        frame.key = owned.release();
        return true;
      }
      const auto key = py::Ref::steal(std::exchange(frame.key, nullptr));
      ++frame.index;
      return PyDict_SetItem(frame.object, key.get(), owned.get()) == 0;
    }
    case Container::record: {
      PyObject* const key = frame.shape->keys[static_cast<std::size_t>(frame.index++)];
      return PyDict_SetItem(frame.object, key, owned.get()) == 0;
    }
    case Container::attributes: {
      const py::Ref& name = frame.shape->attributes[static_cast<std::size_t>(frame.index++)];
      return set_attribute(frame.object, *frame.facts, name.get(), owned.get());
    }
    case Container::state:
      ++frame.index;
      return set_state(frame.object, *frame.facts, owned.get());
    case Container::set:
    case Container::frozenset:
      ++frame.index;
      return PySet_Add(frame.object, owned.get()) == 0;
    case Container::slice: {
      auto* const slice = reinterpret_cast<PySliceObject*>(frame.object);
      PyObject** const parts[] = {&slice->start, &slice->stop, &slice->step};
      // What was there is None.
      Py_SETREF(*parts[frame.index], owned.release());
      ++frame.index;
      return true;
    }
  }
  return false;
}

}  // namespace libatoll::transfer
