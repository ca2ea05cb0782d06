// Working memory of encoders and decoders, kept from one message to the next.
//
// A OneSlotCache holds one; an encoder takes it and gives it back. An encoder that starts while
// another is at work (Python code called in between) gets a new one. What a large
// message needed is not kept.
#pragma once

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/memory/message.hpp"
#include "transfer/classes/table.hpp"
#include "transfer/context/shapes.hpp"
#include "transfer/encode/memo.hpp"
#include "transfer/wire/writer.hpp"

namespace libatoll::transfer {

template <class T>
class OneSlotCache {
 public:
  [[nodiscard]] std::unique_ptr<T> take() {
    return slot_ ? std::move(slot_) : std::make_unique<T>();
  }
  void give(std::unique_ptr<T> used) noexcept {
    if (!slot_) slot_ = std::move(used);
  }

 private:
  std::unique_ptr<T> slot_;
};

/// Memory that is kept in each part of it, in bytes: enough for messages of some thousand
/// objects. Those that need more take so long that fresh memory does not matter.
inline constexpr std::size_t most_kept = std::size_t{256} << 10;

/// Of an empty vector.
template <class T>
void drop_excess(std::vector<T>& vector) noexcept {
  if (vector.capacity() * sizeof(T) > most_kept) std::vector<T>().swap(vector);
}

/// A stack of borrowed references. Unlike a vector, it leaves new places as they are.
class ValueStack {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] PyObject* operator[](std::size_t index) const noexcept { return data_[index]; }
  /// Makes `count` places, to be filled by the caller. Throws std::bad_alloc.
  PyObject** extend(std::size_t count) {
    if (size_ + count > capacity_) grow(count);
    PyObject** const places = data_.get() + size_;
    size_ += count;
    return places;
  }
  void shrink_to(std::size_t size) noexcept { size_ = size; }
  void clear() noexcept {
    size_ = 0;
    if (capacity_ * sizeof(PyObject*) <= most_kept) return;
    data_.reset();
    capacity_ = 0;
  }

 private:
  void grow(std::size_t count) {
    const std::size_t capacity = std::max(2 * capacity_, size_ + count + 64);
    std::unique_ptr<PyObject*[]> data(new PyObject*[capacity]);
    std::copy_n(data_.get(), size_, data.get());
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<PyObject*[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// A container whose items are being written.
struct EncodeFrame {
  enum class Container : std::uint8_t {
    list,
    tuple,
    named_tuple,
    dict,
    dict_value,
    record,
    set,
    frozenset,
    slice,
  };
  PyObject* object;   ///< owned
  PyObject* extra;    ///< owned or null: a set's iterator, a dict's value behind a container key
  Py_ssize_t index;   ///< items written, or PyDict_Next's position
  Py_ssize_t size;    ///< items announced
  Py_ssize_t count;   ///< dict: entries written
  PyObject* current;  ///< borrowed: dict key or set item at hand, for the path in an error
  Container kind;
  std::size_t values = 0;  ///< record: where its values start in EncodeScratch::values
};

struct EncodeScratch {
  Writer writer;
  Memo memo;
  std::vector<EncodeFrame> frames;
  ValueStack values;  ///< of the records under way; see Encoder::may_run_python
  core::Attachments attachments;
  std::vector<PyObject*> pins;  ///< owned: objects of the memo that must not die

  /// After a message; frames and pins are empty.
  void clear() noexcept {
    values.clear();
    attachments.clear();
    memo.drop_excess();
    drop_excess(frames);
    drop_excess(attachments);
  }
};

/// A container whose items are being read.
struct DecodeFrame {
  enum class Container : std::uint8_t {
    list,
    tuple,
    dict,
    record,
    set,
    frozenset,
    slice,
    attributes,  ///< of an instance: values of the names in `shape`
    state,       ///< of an instance: a dict
  };
  PyObject* object;  ///< owned
  PyObject* key;     ///< owned or null: dict key that waits for its value
  Py_ssize_t index;
  Py_ssize_t size;
  std::uint32_t slot;  ///< frozenset, tuple: number to give when complete, or no_slot
  Container kind;
  const KnownShape* shape = nullptr;  ///< record, attributes: kept alive by DecodeScratch::shapes
  const ClassFacts* facts = nullptr;  ///< attributes, state
};

struct DecodeScratch {
  std::vector<DecodeFrame> frames;
  std::vector<PyObject*> memo;  ///< owned; null: not complete
  std::vector<std::shared_ptr<const KnownShape>> shapes;

  /// After a message; frames is empty, and the memo's objects are dropped.
  void clear() noexcept {
    memo.clear();
    shapes.clear();
    drop_excess(frames);
    drop_excess(memo);
    drop_excess(shapes);
  }
};

}  // namespace libatoll::transfer
