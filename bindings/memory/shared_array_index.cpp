// Subscripts of a SharedArray, and what else goes through its elements.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "memory/shared_array.hpp"
#include "memory/shared_array_elements.hpp"
#include "py/buffer_view.hpp"

namespace libatoll::bindings {

namespace {

using core::SharedArray;
using Extents = SharedArray::Extents;

static_assert(std::is_same_v<Py_ssize_t, std::ptrdiff_t>);

/// Goes through the positions of an array in C order. There must be one.
class Positions {
 public:
  explicit Positions(Extents shape) noexcept : shape_(shape) {}

  [[nodiscard]] std::ptrdiff_t offset(Extents strides) const noexcept {
    std::ptrdiff_t sum = 0;
    for (std::size_t i = 0; i < shape_.size(); ++i) sum += index_[i] * strides[i];
    return sum;
  }
  /// False: that was the last one.
  bool next() noexcept {
    for (std::size_t i = shape_.size(); i-- > 0;) {
      if (++index_[i] < shape_[i]) return true;
      index_[i] = 0;
    }
    return false;
  }

 private:
  Extents shape_;
  std::array<std::ptrdiff_t, SharedArray::most_dimensions> index_{};
};

/// What a subscript leaves of an array: an element if no dimensions remain.
class Selection {
 public:
  explicit Selection(const SharedArray& array) noexcept : array_(array), first_(array.data()) {}

  /// False with a Python error set.
  [[nodiscard]] bool apply(PyObject* key) {
    if (!PyTuple_Check(key)) return apply_all(&key, 1);
    return apply_all(&PyTuple_GET_ITEM(key, 0), PyTuple_GET_SIZE(key));
  }

  [[nodiscard]] bool is_element() const noexcept { return dimensions_ == 0; }
  [[nodiscard]] std::byte* first() const noexcept { return first_; }
  [[nodiscard]] core::Handle<SharedArray> part() const noexcept {
    return array_.part(first_, {shape_.data(), dimensions_}, {strides_.data(), dimensions_}, false);
  }

 private:
  bool apply_all(PyObject** keys, Py_ssize_t count) {
    const Py_ssize_t dots = std::count(keys, keys + count, Py_Ellipsis);
    const auto dimensions = static_cast<Py_ssize_t>(array_.dimensions());
    if (dots > 1 || count - dots > dimensions) {
      PyErr_Format(PyExc_IndexError,
                   dots > 1 ? "more than one '...' among the indices"
                            : "too many indices: the array has %zd dimensions",
                   dimensions);
      return false;
    }
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (keys[i] != Py_Ellipsis) {
        if (!apply_one(keys[i])) return false;
        continue;
      }
      for (Py_ssize_t left = dimensions - (count - dots); left > 0; --left) keep_axis();
    }
    while (axis_ < array_.dimensions()) keep_axis();
    return true;
  }

  bool apply_one(PyObject* key) {
    const std::ptrdiff_t length = array_.shape()[axis_];
    const std::ptrdiff_t stride = array_.strides()[axis_];
    Py_ssize_t start = 0;
    if (PySlice_Check(key)) {
      Py_ssize_t stop = 0;
      Py_ssize_t step = 0;
      if (PySlice_Unpack(key, &start, &stop, &step) < 0) return false;
      const Py_ssize_t size = PySlice_AdjustIndices(length, &start, &stop, step);
      // Of an empty one the start may lie behind the end.
      if (size > 0) first_ += start * stride;
      keep(size, size > 1 ? stride * step : stride);
      return true;
    }
    if (!PyIndex_Check(key)) {
      PyErr_Format(PyExc_TypeError, "indices must be integers, slices or '...', not %.200s",
                   Py_TYPE(key)->tp_name);
      return false;
    }
    start = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (start == -1 && PyErr_Occurred()) return false;
    const Py_ssize_t from_start = start < 0 ? start + length : start;
    if (from_start < 0 || from_start >= length) {
      PyErr_Format(PyExc_IndexError, "index %zd is out of range for a dimension of %zd", start,
                   length);
      return false;
    }
    first_ += from_start * stride;
    ++axis_;
    return true;
  }

  void keep_axis() noexcept { keep(array_.shape()[axis_], array_.strides()[axis_]); }
  void keep(std::ptrdiff_t length, std::ptrdiff_t stride) noexcept {
    shape_[dimensions_] = length;
    strides_[dimensions_++] = stride;
    ++axis_;
  }

  const SharedArray& array_;
  std::byte* first_;
  std::size_t axis_ = 0;
  std::size_t dimensions_ = 0;
  std::array<std::ptrdiff_t, SharedArray::most_dimensions> shape_;
  std::array<std::ptrdiff_t, SharedArray::most_dimensions> strides_;
};

PyObject* select(PyObject* object, Selection& selection) {
  if (selection.is_element()) {
    return load_element(array_of(object).type(), selection.first()).release();
  }
  return make_shared_array(Py_TYPE(object), selection.part()).release();
}

/// One value everywhere.
py::Status fill(const SharedArray& target, PyObject* value) {
  std::byte element[16];
  if (py::failed(store_element(target.type(), element, value))) return py::Status::error;
  if (target.count() == 0) return py::Status::ok;
  Positions position(target.shape());
  do {
    std::memcpy(target.data() + position.offset(target.strides()), element, target.type().size);
  } while (position.next());
  return py::Status::ok;
}

py::Status copy(const SharedArray& target, const Py_buffer& source) {
  const core::ElementType* const type = type_of_format(source.format, source.itemsize);
  if (type != &target.type()) {
    PyErr_Format(PyExc_TypeError, "elements of %s cannot be assigned to those of %s",
                 type ? type->name : source.format, target.type().name);
    return py::Status::error;
  }
  if (!std::ranges::equal(target.shape(),
                          Extents(source.shape, static_cast<std::size_t>(source.ndim)))) {
    PyErr_SetString(PyExc_ValueError, "the shapes are not the same");
    return py::Status::error;
  }
  if (target.count() == 0) return py::Status::ok;
  if (target.is_contiguous() && PyBuffer_IsContiguous(&source, 'C')) {
    std::memmove(target.data(), source.buf, target.bytes());
    return py::Status::ok;
  }
  // The two may overlap.
  const std::unique_ptr<std::byte[]> between(new (std::nothrow) std::byte[target.bytes()]);
  if (!between) {
    PyErr_NoMemory();
    return py::Status::error;
  }
  const Py_buffer to = describe(target);
  return PyBuffer_ToContiguous(between.get(), &source, source.len, 'C') == 0 &&
                 PyBuffer_FromContiguous(&to, between.get(), to.len, 'C') == 0
             ? py::Status::ok
             : py::Status::error;
}

PyObject* list_of(const SharedArray& array, std::size_t axis, const std::byte* from) {
  if (axis == array.dimensions()) return load_element(array.type(), from).release();
  const std::ptrdiff_t length = array.shape()[axis];
  py::Ref list = py::Ref::steal(PyList_New(length));
  if (!list) return nullptr;
  for (std::ptrdiff_t i = 0; i < length; ++i) {
    PyObject* const item = list_of(array, axis + 1, from + i * array.strides()[axis]);
    if (!item) return nullptr;
    PyList_SET_ITEM(list.get(), i, item);
  }
  return list.release();
}

bool equal(const SharedArray& a, const SharedArray& b) noexcept {
  if (&a.type() != &b.type() || !std::ranges::equal(a.shape(), b.shape())) return false;
  if (a.count() == 0) return true;
  Positions position(a.shape());
  do {
    if (!equal_elements(a.type(), a.data() + position.offset(a.strides()),
                        b.data() + position.offset(b.strides()))) {
      return false;
    }
  } while (position.next());
  return true;
}

}  // namespace

PyObject* array_subscript(PyObject* object, PyObject* key) {
  Selection selection(array_of(object));
  return selection.apply(key) ? select(object, selection) : nullptr;
}

PyObject* array_item(PyObject* object, Py_ssize_t index) {
  const py::Ref key = py::Ref::steal(PyLong_FromSsize_t(index));
  return key ? array_subscript(object, key.get()) : nullptr;
}

int array_assign(PyObject* object, PyObject* key, PyObject* value) {
  const SharedArray& array = array_of(object);
  if (!value || array.readonly()) {
    PyErr_SetString(PyExc_TypeError,
                    value ? "this SharedArray is read-only" : "elements cannot be deleted");
    return -1;
  }
  Selection selection(array);
  if (!selection.apply(key)) return -1;
  py::Status status = py::Status::error;
  if (selection.is_element()) {
    status = store_element(array.type(), selection.first(), value);
  } else {
    const core::Handle<SharedArray> target = selection.part();
    if (!target) {
      PyErr_NoMemory();
      return -1;
    }
    py::BufferView view;
    if (PyObject_CheckBuffer(value) && !view.get(value, PyBUF_FULL_RO)) return -1;
    // NumPy's scalars are buffers without dimensions.
    status = view->obj && view->ndim > 0 ? copy(*target, *view) : fill(*target, value);
  }
  return py::failed(status) ? -1 : 0;
}

PyObject* array_compare(PyObject* object, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(other, Py_TYPE(object))) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  return PyBool_FromLong(equal(array_of(object), array_of(other)) == (op == Py_EQ));
}

PyObject* array_to_list(PyObject* object, PyObject*) {
  const SharedArray& array = array_of(object);
  return list_of(array, 0, array.data());
}

}  // namespace libatoll::bindings
