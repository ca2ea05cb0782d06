// atoll.SharedArray: numbers in memory that all interpreters see, in any number of dimensions.
//
// The object belongs to one interpreter; what it is about (core::SharedArray) to none. As a
// SharedBuffer, it refers to no Python object but its type.
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>

#include "core/memory/shared_array.hpp"
#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct SharedArrayObject {
  PyObject_HEAD
  core::SharedArray* array;  ///< a count of its own
  PyObject* weakrefs;
};

[[nodiscard]] inline core::SharedArray& array_of(PyObject* object) noexcept {
  return *reinterpret_cast<SharedArrayObject*>(object)->array;
}

/// An object of `type` (MemoryPart::shared_array_type). Empty with an error set, MemoryError if
/// there is no array.
[[nodiscard]] py::Ref make_shared_array(PyTypeObject* type, core::Handle<core::SharedArray> array);

/// The array as a buffer of `owner`'s, which must outlive it; `owner` is not counted.
[[nodiscard]] Py_buffer describe(const core::SharedArray& array) noexcept;

/// Lengths of the dimensions of an array.
struct Shape {
  std::array<std::ptrdiff_t, core::SharedArray::most_dimensions> lengths;
  std::size_t dimensions = 0;

  [[nodiscard]] core::SharedArray::Extents extents() const noexcept {
    return {lengths.data(), dimensions};
  }
};

// subscripts (shared_array_index.cpp)
[[nodiscard]] PyObject* array_subscript(PyObject* object, PyObject* key);
[[nodiscard]] PyObject* array_item(PyObject* object, Py_ssize_t index);
[[nodiscard]] int array_assign(PyObject* object, PyObject* key, PyObject* value);
[[nodiscard]] PyObject* array_compare(PyObject* object, PyObject* other, int op);
[[nodiscard]] PyObject* array_to_list(PyObject* object, PyObject*);

/// The type of the module; null with a Python error set.
[[nodiscard]] PyTypeObject* make_shared_array_type(PyObject* module);

/// Makes SharedArrays travel, by reference.
[[nodiscard]] py::Status register_shared_array(const State& state);

}  // namespace libatoll::bindings
