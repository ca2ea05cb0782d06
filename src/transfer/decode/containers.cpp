// Containers, by recursion.
#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/decode/simple.hpp"

namespace libatoll::transfer {

using wire::Op;
using Container = DecodeFrame::Container;

PyObject* Decoder::open(Op op, std::uint32_t slot) {
  const std::size_t count = op == Op::slice ? 3 : reader_.count(op == Op::dict ? 2 : 1);
  if (reader_.failed()) return corrupted();
  const auto size = static_cast<Py_ssize_t>(count);
  py::Ref object;
  Container kind{};
  switch (op) {
    case Op::tuple:
      kind = Container::tuple;
      object = py::Ref::steal(PyTuple_New(size));
      break;
    case Op::list:
      kind = Container::list;
      object = py::Ref::steal(PyList_New(size));
      break;
    case Op::dict:
      kind = Container::dict;
      object = py::Ref::steal(PyDict_New());
      break;
    case Op::set:
      kind = Container::set;
      object = py::Ref::steal(PySet_New(nullptr));
      break;
    case Op::frozenset:
      kind = Container::frozenset;
      object = py::Ref::steal(PyFrozenSet_New(nullptr));
      break;
    default:
      kind = Container::slice;
      object = py::Ref::steal(PySlice_New(nullptr, nullptr, nullptr));
      break;
  }
  if (!object || size == 0) return object.release();
  return enter(std::move(object), kind, size, slot, nullptr);
}

const KnownShape* Decoder::read_shape() {
  const std::size_t count = reader_.byte();
  const std::size_t length = reader_.raw<std::uint16_t>();
  const std::byte* const block = reader_.block(length);
  if (!block || count == 0) {
    corrupted();
    return nullptr;
  }
  auto shape = context_.impl().received_shapes.get(context_.impl().keys, count, {block, length});
  if (!shape) return nullptr;
  scratch_->shapes.push_back(std::move(shape));
  return scratch_->shapes.back().get();
}

const KnownShape* Decoder::read_shape_number() {
  const std::size_t number = reader_.size();
  if (number < scratch_->shapes.size()) return scratch_->shapes[number].get();
  corrupted();
  return nullptr;
}

PyObject* Decoder::open_record(const KnownShape* shape, std::uint32_t slot) {
  if (!shape) return nullptr;
  const auto size = static_cast<Py_ssize_t>(shape->keys.size());
  // Every new dict has room for a few entries.
  constexpr Py_ssize_t few = 5;
  auto object = py::Ref::steal(size <= few ? PyDict_New() : PyDict_Copy(shape->model.get()));
  if (!object) return nullptr;
  return enter(std::move(object), Container::record, size, slot, shape);
}

PyObject* Decoder::enter(py::Ref object, Container kind, Py_ssize_t size, std::uint32_t slot,
                         const KnownShape* shape, const ClassFacts* facts) {
  // A frozenset takes items only as long as nobody else refers to it, a tuple that is a key must
  // not change, and CPython takes the hash of a slice inside itself until the stack ends. So no
  // encoder refers to them before they are complete (Encoder::is_late).
  const bool late =
      kind == Container::frozenset || kind == Container::tuple || kind == Container::slice;
  if (slot != no_slot && !late) keep(slot, object.get());
  if (depth_ >= deepest_recursion) {
    return run_frames(std::move(object), kind, size, late ? slot : no_slot, shape, facts);
  }
  ++depth_;
  const bool complete = read_items(object.get(), kind, size, shape, facts);
  --depth_;
  return complete ? object.release() : nullptr;
}

bool Decoder::read_items(PyObject* object, Container kind, Py_ssize_t size, const KnownShape* shape,
                         const ClassFacts* facts) {
  switch (kind) {
    case Container::list:
      for (Py_ssize_t i = 0; i < size; ++i) {
        PyObject* const item = read_item();
        if (!item) return false;
        PyList_SET_ITEM(object, i, item);
      }
      return true;
    case Container::tuple:
      for (Py_ssize_t i = 0; i < size; ++i) {
        PyObject* const item = read_item();
        if (!item) return false;
        PyTuple_SET_ITEM(object, i, item);
      }
      return true;
    case Container::record:
      for (PyObject* const key : shape->keys) {
        PyObject* const item = read_item();
        if (!item) return false;
        const int status = PyDict_SetItem(object, key, item);
        Py_DECREF(item);
        if (status < 0) return false;
      }
      return true;
    case Container::dict:
      for (Py_ssize_t i = 0; i < size; ++i) {
        const auto key = py::Ref::steal(read_key());
        const auto item = py::Ref::steal(key ? read_item() : nullptr);
        if (!item || PyDict_SetItem(object, key.get(), item.get()) < 0) return false;
      }
      return true;
    case Container::set:
    case Container::frozenset:
      for (Py_ssize_t i = 0; i < size; ++i) {
        const auto item = py::Ref::steal(read_item());
        if (!item || PySet_Add(object, item.get()) < 0) return false;
      }
      return true;
    case Container::slice: {
      auto* const slice = reinterpret_cast<PySliceObject*>(object);
      // What was there is None.
      for (PyObject** const part : {&slice->start, &slice->stop, &slice->step}) {
        PyObject* const item = read_item();
        if (!item) return false;
        Py_SETREF(*part, item);
      }
      return true;
    }
    case Container::attributes:
      for (const py::Ref& name : shape->attributes) {
        const auto item = py::Ref::steal(read_item());
        if (!item || !set_attribute(object, *facts, name.get(), item.get())) return false;
      }
      return true;
    case Container::state: {
      const auto item = py::Ref::steal(read());
      return item && set_state(object, *facts, item.get());
    }
  }
  return false;
}

}  // namespace libatoll::transfer
