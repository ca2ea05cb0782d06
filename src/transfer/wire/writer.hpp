// The growing byte block that an encoder writes into.
//
// Reused from message to message: small messages are copied out, large ones take the block along.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/memory/message.hpp"
#include "transfer/wire/codec.hpp"

namespace libatoll::transfer {

/// memcpy for what is short most of the time: the call would take longer than the copying.
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t length) noexcept {
  const auto halves = [&]<class Word>(Word) {
    Word first;
    Word last;
    std::memcpy(&first, from, sizeof(Word));
    std::memcpy(&last, from + length - sizeof(Word), sizeof(Word));
    std::memcpy(to, &first, sizeof(Word));
    std::memcpy(to + length - sizeof(Word), &last, sizeof(Word));
  };
  struct Wide {
    std::uint64_t words[2];
  };
  if (length > 32) {
    std::memcpy(to, from, length);
  } else if (length > 16) {
    halves(Wide{});
  } else if (length >= 8) {
    halves(std::uint64_t{});
  } else if (length >= 4) {
    halves(std::uint32_t{});
  } else if (length >= 2) {
    halves(std::uint16_t{});
  } else if (length == 1) {
    *to = *from;
  }
}

/// An int in its shortest form, at `to`, where there is room for 9 bytes; returns its end.
inline std::byte* write_int(std::byte* to, std::int64_t value) noexcept {
  const auto finish = [to]<class Int>(wire::Op op, Int number) {
    *to = std::byte{static_cast<std::uint8_t>(op)};
    std::memcpy(to + 1, &number, sizeof number);
    return to + 1 + sizeof number;
  };
  if (value == static_cast<std::int8_t>(value)) {
    return finish(wire::Op::int8, static_cast<std::int8_t>(value));
  }
  if (value == static_cast<std::int32_t>(value)) {
    return finish(wire::Op::int32, static_cast<std::int32_t>(value));
  }
  return finish(wire::Op::int64, value);
}

/// An int in its shortest form, by the put_ forms of a Writer or SmallWriter.
template <class AnyWriter>
void write_int(AnyWriter& writer, std::int64_t value) noexcept {
  if (value == static_cast<std::int8_t>(value)) {
    writer.put_op(wire::Op::int8, 0);
    writer.put(static_cast<std::int8_t>(value));
  } else if (value == static_cast<std::int32_t>(value)) {
    writer.put_op(wire::Op::int32, 0);
    writer.put(static_cast<std::int32_t>(value));
  } else {
    writer.put_op(wire::Op::int64, 0);
    writer.put(value);
  }
}

/// For messages of one scalar or short text, which need no block: the bytes that a Writer would
/// write.
class SmallWriter {
 public:
  static constexpr std::size_t capacity = core::Message::inline_capacity;

  void put_op(wire::Op op, std::uint8_t flag = 0) noexcept {
    put(static_cast<std::uint8_t>(static_cast<std::uint8_t>(op) | flag));
  }
  template <class T>
  void put(T value) noexcept {
    put_block(&value, sizeof value);
  }
  void put_int(std::int64_t value) noexcept { write_int(*this, value); }
  void put_block(const void* data, std::size_t length) noexcept {
    std::memcpy(bytes_ + size_, data, length);
    size_ += length;
  }
  [[nodiscard]] core::Message finish() const { return core::Message::copy_of({bytes_, size_}); }

 private:
  std::byte bytes_[capacity];
  std::size_t size_ = 0;
};

class Writer {
 public:
  Writer() noexcept = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (begin_) core::release_block({begin_, static_cast<std::size_t>(end_ - begin_)});
  }

  void op(wire::Op op, std::uint8_t flag = 0) {
    reserve(1);
    *cursor_++ = std::byte{static_cast<std::uint8_t>(static_cast<std::uint8_t>(op) | flag)};
  }

  template <class T>
  void raw(T value) {
    reserve(sizeof value);
    put(value);
  }

  void size(std::size_t value) {
    reserve(9);
    put_size(value);
  }

  void block(const void* data, std::size_t length) {
    reserve(length);
    put_block(data, length);
  }

  /// reserve(), for writing through a pointer of one's own, which ends with commit(): a register
  /// does what a member would do through memory, as bytes may alias anything.
  [[nodiscard]] std::byte* room(std::size_t count) {
    reserve(count);
    return cursor_;
  }
  void commit(std::byte* end) noexcept { cursor_ = end; }

  /// The put_ forms need room that reserve() made before.
  void reserve(std::size_t count) {
    if (static_cast<std::size_t>(end_ - cursor_) < count) grow(count);
  }
  void put_op(wire::Op op, std::uint8_t flag) noexcept {
    *cursor_++ = std::byte{static_cast<std::uint8_t>(static_cast<std::uint8_t>(op) | flag)};
  }
  template <class T>
  void put(T value) noexcept {
    std::memcpy(cursor_, &value, sizeof value);
    cursor_ += sizeof value;
  }
  void put_size(std::size_t value) noexcept {
    if (value < 0xFF) {
      *cursor_++ = std::byte{static_cast<std::uint8_t>(value)};
    } else {
      *cursor_++ = std::byte{0xFF};
      put(static_cast<std::uint64_t>(value));
    }
  }
  /// In its shortest form: at most 9 bytes.
  void put_int(std::int64_t value) noexcept { write_int(*this, value); }
  void put_block(const void* data, std::size_t length) noexcept {
    copy_bytes(cursor_, static_cast<const std::byte*>(data), length);
    cursor_ += length;
  }

  [[nodiscard]] std::size_t position() const noexcept {
    return static_cast<std::size_t>(cursor_ - begin_);
  }
  [[nodiscard]] std::byte* at(std::size_t position) noexcept { return begin_ + position; }
  void rewind(std::size_t position) noexcept { cursor_ = begin_ + position; }

  /// The bytes written, as a message; the writer is empty afterwards. Throws std::bad_alloc.
  [[nodiscard]] core::Message finish();

 private:
  /// Larger messages are handed over instead of copied.
  static constexpr std::size_t copy_limit = 32 * 1024;

  void grow(std::size_t count);

  std::byte* begin_ = nullptr;
  std::byte* cursor_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t last_large_ = 0;  ///< size of the last message that was handed over, or 0
};

}  // namespace libatoll::transfer
