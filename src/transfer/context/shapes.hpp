// Dicts with the same keys in the same order: records.
//
// Each interpreter keeps the shapes that it sent and those that it received. A message brings the
// keys of a shape once, as one block of bytes (codec.hpp); its later dicts of that shape name it
// and bring nothing but their values. The encoder tells a shape by the addresses of its keys, the
// decoder by the block, so that neither looks at the keys of a shape that it knows. The decoder
// then copies a dict that has the keys already, which is quicker than inserting them.
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "py/ref.hpp"

namespace libatoll::transfer {

class KeyCache;

namespace shape {
/// Keys are latin-1, and neither longer nor more than this; other dicts are sent with their keys.
inline constexpr std::size_t longest_key = 40;
inline constexpr Py_ssize_t fewest = 2;
inline constexpr Py_ssize_t most = 64;
}  // namespace shape

/// The encoder's side: the shapes that were met at least twice. Owns their keys.
class ShapeTable {
 public:
  static constexpr std::int32_t undefined = -1;

  struct Shape {
    std::uint64_t hash = 0;
    std::vector<PyObject*> keys;   ///< owned
    std::vector<std::byte> block;  ///< the keys as they stand in a message
    std::uint64_t message = 0;     ///< whose `number` is right
    std::int32_t number = undefined;
  };

  ShapeTable() = default;
  ShapeTable(const ShapeTable&) = delete;
  ShapeTable& operator=(const ShapeTable&) = delete;
  ~ShapeTable();

  /// An id for a message under way, or for what is left of it after a rollback.
  [[nodiscard]] std::uint64_t new_message() noexcept { return ++messages_; }

  /// The shape of `dict`, with its `size` values in `items` (borrowed), or null: it is the first of
  /// its kind, or has keys that a shape cannot have. Throws std::bad_alloc.
  Shape* find(PyObject* dict, Py_ssize_t size, PyObject** items) {
    const auto count = static_cast<std::size_t>(size);
    // Most dicts are like the one before.
    if (Shape* const shape = latest_[count]; shape && take(*shape, dict, items)) return shape;
    return look_up(dict, count, items);
  }

 private:
  static constexpr std::size_t slots = 128;
  static constexpr std::size_t seen_slots = 256;

  bool take(const Shape& shape, PyObject* dict, PyObject** items) const noexcept;
  Shape* look_up(PyObject* dict, std::size_t count, PyObject** items);
  Shape* make(Shape& place, std::uint64_t hash, std::size_t size);

  std::unique_ptr<std::array<Shape, slots>> shapes_;
  std::array<Shape*, static_cast<std::size_t>(shape::most) + 1> latest_{};  ///< by number of keys
  std::array<std::uint64_t, seen_slots> seen_{};                        ///< hashes that were met
  std::array<PyObject*, static_cast<std::size_t>(shape::most)> row_{};  ///< keys at hand; borrowed
  std::uint64_t messages_ = 0;
};

/// The decoder's side of a shape.
struct KnownShape {
  std::vector<std::byte> block;
  py::Ref model;                ///< a dict that has the keys, with None for values
  std::vector<PyObject*> keys;  ///< borrowed from `model`
  /// The keys once more, interned, for instances whose attributes they are; when first needed.
  mutable std::vector<py::Ref> attributes;
  mutable bool attributes_ready = false;
};

class ShapeCache {
 public:
  /// The shape of a block of `count` keys; null with a Python error set on failure (ValueError if
  /// no encoder wrote the block). Throws std::bad_alloc.
  [[nodiscard]] std::shared_ptr<const KnownShape> get(KeyCache& keys, std::size_t count,
                                                      std::span<const std::byte> block);

 private:
  static constexpr std::size_t slots = 128;
  struct Entry {
    std::uint64_t hash = 0;
    std::shared_ptr<const KnownShape> shape;
  };
  std::unique_ptr<std::array<Entry, slots>> entries_;
};

}  // namespace libatoll::transfer
