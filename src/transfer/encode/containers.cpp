// Containers, by recursion.
#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/encode/simple.hpp"

namespace libatoll::transfer {

using wire::Op;
using Container = EncodeFrame::Container;

namespace {

std::string key_step(PyObject* key) {
  return '[' + short_repr(key) + ']';
}

std::string index_step(Py_ssize_t index) {
  return '[' + std::to_string(index) + ']';
}

}  // namespace

Encoder::Step Encoder::open(PyObject* object, Container kind, Op op, Py_ssize_t size,
                            Py_ssize_t owners) {
  std::uint8_t flag;
  if (seen(object, flag, owners)) return Step::done;
  writer_.reserve(10);
  writer_.put_op(op, flag);
  if (kind != Container::slice) writer_.put_size(static_cast<std::size_t>(size));
  return size == 0 ? Step::done : enter(object, kind, size);
}

Encoder::Step Encoder::put_dict(PyObject* object, Py_ssize_t owners) {
  const Py_ssize_t size = PyDict_GET_SIZE(object);
  ShapeTable::Shape* shape = nullptr;
  ValueStack& values = scratch_->values;
  const std::size_t start = values.size();
  if (size >= shape::fewest && size <= shape::most) {
    shape = shapes_.find(object, size, values.extend(static_cast<std::size_t>(size)));
  }
  std::uint8_t flag;
  if (!shape || seen(object, flag, owners)) {
    values.shrink_to(start);
    return shape ? Step::done : open(object, Container::dict, Op::dict, size, owners);
  }
  put_shape(*shape, flag);
  if (pinned_) pin_values(start);
  const Step step = enter(object, Container::record, size, start);
  // A frame gives its values up itself.
  if (step != Step::opened) values.shrink_to(start);
  return step;
}

void Encoder::put_shape(ShapeTable::Shape& shape, std::uint8_t flag) {
  if (shape.message == shape_message_) {
    writer_.reserve(10);
    writer_.put_op(Op::record, flag);
    writer_.put_size(static_cast<std::size_t>(shape.number));
    return;
  }
  shape.message = shape_message_;
  shape.number = next_shape_++;
  writer_.reserve(shape.block.size() + 4);
  writer_.put_op(Op::shape, flag);
  writer_.put(static_cast<std::uint8_t>(shape.keys.size()));
  writer_.put(static_cast<std::uint16_t>(shape.block.size()));
  writer_.put_block(shape.block.data(), shape.block.size());
}

Encoder::Step Encoder::enter(PyObject* object, Container kind, Py_ssize_t size,
                             std::size_t values) {
  if (depth_ >= deepest_recursion) return run_frames(object, kind, size, values);
  const py::Ref kept = py::Ref::borrow(object);
  const bool counts = kind != Container::tuple;
  const bool late = is_late(kind);
  if (late) late_.push_back(object);
  ++depth_;
  non_tuple_depth_ += counts;
  const Step step = put_items(object, kind, size, values);
  non_tuple_depth_ -= counts;
  --depth_;
  if (late) late_.pop_back();
  return step;
}

Encoder::Step Encoder::put_items(PyObject* object, Container kind, Py_ssize_t size,
                                 std::size_t values) {
  switch (kind) {
    case Container::list:
      return list_items(object, size);
    case Container::tuple:
    case Container::named_tuple:
      return tuple_items(object, size);
    case Container::dict:
      return dict_items(object, size);
    case Container::record:
      return record_items(object, size, values);
    case Container::set:
    case Container::frozenset:
      return set_items(object, size);
    default:
      return slice_items(object);
  }
}

Encoder::Step Encoder::list_items(PyObject* list, Py_ssize_t size) {
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (PyList_GET_SIZE(list) != size) return changed("list");
    PyObject* const item = PyList_GET_ITEM(list, i);
    if (put_simple(item)) continue;
    if (const Step step = put(item); step != Step::done) {
      return failed_at(step, [i] { return index_step(i); });
    }
  }
  return PyList_GET_SIZE(list) == size ? Step::done : changed("list");
}

Encoder::Step Encoder::tuple_items(PyObject* tuple, Py_ssize_t size) {
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* const item = PyTuple_GET_ITEM(tuple, i);
    if (put_simple(item)) continue;
    if (const Step step = put(item); step != Step::done) {
      return failed_at(step, [i] { return index_step(i); });
    }
  }
  return Step::done;
}

Encoder::Step Encoder::dict_items(PyObject* dict, Py_ssize_t size) {
  Py_ssize_t position = 0;
  Py_ssize_t count = 0;
  PyObject* key;
  PyObject* item;
  while (PyDict_Next(dict, &position, &key, &item)) {
    if (count++ == size) return changed("dictionary");
    if (PyUnicode_CheckExact(key)) {
      put_str(key);
      if (put_simple(item)) continue;
    }
    const py::Ref kept_key = py::Ref::borrow(key);
    const py::Ref kept_item = py::Ref::borrow(item);
    if (!PyUnicode_CheckExact(key)) {
      if (const Step step = put(key); step != Step::done) {
        return failed_at(step, [] { return std::string(" key"); });
      }
    }
    if (const Step step = put(item); step != Step::done) {
      return failed_at(step, [key] { return key_step(key); });
    }
  }
  return count == size ? Step::done : changed("dictionary");
}

// The values were taken when the record was opened: what happens to the dict meanwhile does not
// matter.
Encoder::Step Encoder::record_items(PyObject* dict, Py_ssize_t size, std::size_t values) {
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* const item = scratch_->values[values + static_cast<std::size_t>(i)];
    if (put_simple(item)) continue;
    if (const Step step = put(item); step != Step::done) {
      return failed_at(step, [dict, i] { return key_step(nth_key(dict, i)); });
    }
  }
  return Step::done;
}

Encoder::Step Encoder::set_items(PyObject* set, Py_ssize_t size) {
  const auto iterator = py::Ref::steal(PyObject_GetIter(set));
  if (!iterator) return Step::error;
  Py_ssize_t count = 0;
  while (const auto item = py::Ref::steal(PyIter_Next(iterator.get()))) {
    if (count++ == size) return changed("set");
    if (const Step step = put(item.get()); step != Step::done) {
      return failed_at(step, [] { return std::string(" element"); });
    }
  }
  if (PyErr_Occurred()) return Step::error;
  return count == size ? Step::done : changed("set");
}

Encoder::Step Encoder::slice_items(PyObject* slice) {
  auto* const parts = reinterpret_cast<PySliceObject*>(slice);
  const struct {
    PyObject* value;
    const char* name;
  } named[] = {{parts->start, ".start"}, {parts->stop, ".stop"}, {parts->step, ".step"}};
  for (const auto& part : named) {
    if (const Step step = put(part.value); step != Step::done) {
      return failed_at(step, [&part] { return std::string(part.name); });
    }
  }
  return Step::done;
}

Encoder::Step Encoder::changed(const char* what) {
  PyErr_Format(PyExc_RuntimeError, "%s changed size while it was being sent", what);
  return Step::error;
}

}  // namespace libatoll::transfer
