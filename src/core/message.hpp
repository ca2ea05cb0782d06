// A value on its way between interpreters.
//
// A Message owns all its bytes and refers to no object of the sender. What cannot be bytes (shared
// memory, code records, channel ends) is an attachment: a counted core Object, named in the bytes by
// its index. Small messages live inside the Message itself, so that a scalar costs no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/object.hpp"

namespace atoll::core {

using Attachments = std::vector<Handle<Object>>;

class Message {
 public:
  /// Bytes that fit without an allocation.
  static constexpr std::size_t inline_capacity = 48;

  Message() noexcept = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  Message(Message&& other) noexcept { take(other); }
  Message& operator=(Message&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Message() { reset(); }

  /// Copies `bytes` in; at most one allocation. Throws std::bad_alloc.
  [[nodiscard]] static Message copy_of(std::span<const std::byte> bytes) {
    if (bytes.size() > inline_capacity) return copy_to_heap(bytes);
    Message message;
    message.size_ = bytes.size();
    if (!bytes.empty()) std::memcpy(message.inline_, bytes.data(), bytes.size());
    return message;
  }
  /// Takes over a block that was allocated with std::malloc.
  [[nodiscard]] static Message adopt(std::byte* malloc_block, std::size_t size) noexcept;

  void attach(std::unique_ptr<Attachments> attachments) noexcept {
    attachments_ = attachments.release();
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }
  [[nodiscard]] std::span<const Handle<Object>> attachments() const noexcept {
    if (!attachments_) return {};
    return {attachments_->data(), attachments_->size()};
  }

  /// Drops bytes and attachments.
  void reset() noexcept {
    if (size_ > inline_capacity || attachments_) free_parts();
    size_ = 0;
  }

 private:
  [[nodiscard]] static Message copy_to_heap(std::span<const std::byte> bytes);
  void free_parts() noexcept;
  [[nodiscard]] bool is_inline() const noexcept { return size_ <= inline_capacity; }
  [[nodiscard]] const std::byte* data() const noexcept { return is_inline() ? inline_ : heap_; }
  void take(Message& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    attachments_ = std::exchange(other.attachments_, nullptr);
    // Copies the inline bytes or, as their first eight, the pointer.
    std::memcpy(inline_, other.inline_, inline_capacity);
  }

  std::size_t size_ = 0;
  Attachments* attachments_ = nullptr;
  union {
    std::byte inline_[inline_capacity];
    std::byte* heap_;
  };
};

static_assert(sizeof(Message) == 64, "one cache line");

}  // namespace atoll::core
