// Dicts with the same keys in the same order: records.
//
// The second dict of a kind defines a shape (its keys), later ones name the shape and bring nothing
// but their values. The encoder compares key addresses; the decoder copies a dict that has the keys
// already, which is quicker than inserting them.
#pragma once

#include <Python.h>

#include <array>
#include <cstdint>
#include <vector>

namespace libatoll::transfer {

/// The encoder's side.
class ShapeTable {
 public:
  static constexpr Py_ssize_t smallest = 2;
  static constexpr Py_ssize_t largest = 64;
  static constexpr std::int32_t undefined = -1;

  struct Shape {
    PyObject* first_key = nullptr;
    std::uint32_t size = 0;
    std::uint32_t epoch = 0;
    std::uint32_t keys = 0;  ///< where its keys start in keys()
    std::int32_t number = undefined;
  };

  /// Forgets all; numbers start at `next`.
  void clear(std::int32_t next = 0) noexcept {
    if (++epoch_ == 0) {
      shapes_.fill({});
      epoch_ = 1;
    }
    keys_.clear();
    next_ = next;
  }
  [[nodiscard]] std::int32_t next() const noexcept { return next_; }

  /// The shape of `dict`, with its values appended to `values` (borrowed), or null: it is the first
  /// of its kind, or has keys that cannot be met again. A shape may be undefined: then the caller
  /// writes its keys and calls define().
  Shape* find_or_note(PyObject* dict, Py_ssize_t size, std::vector<PyObject*>& values) {
    Py_ssize_t position = 0;
    PyObject* key;
    if (!PyDict_Next(dict, &position, &key, nullptr)) return nullptr;
    const auto bits = reinterpret_cast<std::uintptr_t>(key) >> 4;
    Shape& shape = shapes_[(bits ^ (bits >> 6) ^ static_cast<std::uintptr_t>(size)) % slots];
    if (shape.epoch == epoch_ && shape.first_key == key &&
        shape.size == static_cast<std::uint32_t>(size) && take_values(shape, dict, values)) {
      return &shape;
    }
    note(shape, dict, size);
    return nullptr;
  }

  void define(Shape& shape) noexcept { shape.number = next_++; }

  [[nodiscard]] PyObject* key(std::uint32_t index) const noexcept { return keys_[index]; }

 private:
  static constexpr std::size_t slots = 32;
  static constexpr std::size_t most_keys = 4096;

  [[nodiscard]] bool take_values(const Shape& shape, PyObject* dict,
                                 std::vector<PyObject*>& values) const {
    const std::size_t start = values.size();
    values.resize(start + shape.size);
    Py_ssize_t position = 0;
    PyObject* key;
    for (std::uint32_t i = 0; i < shape.size; ++i) {
      if (!PyDict_Next(dict, &position, &key, &values[start + i]) || key != keys_[shape.keys + i]) {
        values.resize(start);
        return false;
      }
    }
    return true;
  }

  void note(Shape& shape, PyObject* dict, Py_ssize_t size) {
    if (keys_.size() > most_keys) return;
    const auto start = static_cast<std::uint32_t>(keys_.size());
    Py_ssize_t position = 0;
    PyObject* key;
    PyObject* first = nullptr;
    while (PyDict_Next(dict, &position, &key, nullptr)) {
      // A key that only this dict refers to is not in another one.
      if (!PyUnicode_CheckExact(key) || Py_REFCNT(key) == 1) {
        keys_.resize(start);
        return;
      }
      if (!first) first = key;
      keys_.push_back(key);
    }
    shape = {first, static_cast<std::uint32_t>(size), epoch_, start, undefined};
  }

  std::array<Shape, slots> shapes_{};
  std::vector<PyObject*> keys_;  ///< borrowed; see Encoder::may_run_python
  std::uint32_t epoch_ = 1;
  std::int32_t next_ = 0;
};

/// The decoder's side of a shape: a dict that has its keys, with None for values.
struct DecodeShape {
  PyObject* model;     ///< owned
  std::uint32_t keys;  ///< where its keys (borrowed from the model) start in DecodeScratch::keys
  std::uint32_t count;
};

}  // namespace libatoll::transfer
