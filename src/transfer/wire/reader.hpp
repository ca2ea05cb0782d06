// Bounds-checked reading of a message's bytes.
//
// A read past the end yields zeros and marks the reader as failed; the decoder looks at the mark
// before it believes a size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace libatoll::transfer {

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept
      : cursor_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] std::size_t left() const noexcept {
    return static_cast<std::size_t>(end_ - cursor_);
  }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  void fail() noexcept {
    failed_ = true;
    cursor_ = end_;
  }

  template <class T>
  [[nodiscard]] T raw() noexcept {
    T value{};
    if (left() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, cursor_, sizeof value);
    cursor_ += sizeof value;
    return value;
  }

  [[nodiscard]] std::uint8_t byte() noexcept { return raw<std::uint8_t>(); }
  [[nodiscard]] std::uint8_t peek() const noexcept {
    return cursor_ < end_ ? static_cast<std::uint8_t>(*cursor_) : 0xFF;
  }

  [[nodiscard]] const std::byte* cursor() const noexcept { return cursor_; }
  /// `count` <= left().
  void skip(std::size_t count) noexcept { cursor_ += count; }

  [[nodiscard]] std::size_t size() noexcept {
    const std::uint8_t small = byte();
    return small < 0xFF ? small : static_cast<std::size_t>(raw<std::uint64_t>());
  }

  /// A size of things that take at least `width` bytes each.
  [[nodiscard]] std::size_t count(std::size_t width = 1) noexcept {
    const std::size_t n = size();
    if (n > left() / width) {
      fail();
      return 0;
    }
    return n;
  }

  /// `length` bytes, or null past the end.
  [[nodiscard]] const std::byte* block(std::size_t length) noexcept {
    if (left() < length || failed_) {
      fail();
      return nullptr;
    }
    const std::byte* start = cursor_;
    cursor_ += length;
    return start;
  }

 private:
  const std::byte* cursor_;
  const std::byte* end_;
  bool failed_ = false;
};

}  // namespace libatoll::transfer
