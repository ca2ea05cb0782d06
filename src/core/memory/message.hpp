// A value on its way between interpreters.
//
// A Message owns all its bytes and refers to no object of the sender. What cannot be bytes (shared
// memory, code records, channel ends) is an attachment: a counted core Object, named in the bytes
// by its index. Small messages live inside the Message itself, so that a scalar costs no
// allocation; so does a sole attachment, so that a call costs none either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/object.hpp"
#include "core/memory/block.hpp"

namespace libatoll::core {

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
  /// Drops what was there, and returns where the caller has to write `size` bytes, before the
  /// message is moved. At most one allocation. Throws std::bad_alloc.
  [[nodiscard]] std::byte* make_room(std::size_t size) {
    reset();
    if (size > inline_capacity) heap_ = allocate_block(size);
    size_ = size;
    return is_inline() ? inline_ : heap_.data;
  }
  /// Takes over a block of which `size` bytes are used.
  [[nodiscard]] static Message adopt(Block block, std::size_t size) noexcept;

  void attach(std::unique_ptr<Attachments> attachments) noexcept {
    drop_attachments();
    many_ = attachments.release();
    attached_ = many_ ? Attached::many : Attached::none;
  }
  void attach(Handle<Object> attachment) noexcept {
    drop_attachments();
    one_ = attachment.detach();
    attached_ = one_ ? Attached::one : Attached::none;
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }
  [[nodiscard]] std::size_t attachment_count() const noexcept {
    return attached_ == Attached::many ? many_->size() : attached_ == Attached::one ? 1 : 0;
  }
  /// Borrowed. `index` < attachment_count().
  [[nodiscard]] Object* attachment(std::size_t index) const noexcept {
    return attached_ == Attached::many ? (*many_)[index].get() : one_;
  }

  /// How much memory ends with the message: its bytes, and shared memory that nobody else has. An
  /// estimate while others make or drop references to that.
  [[nodiscard]] std::size_t own_bytes() const noexcept;

  /// Drops bytes and attachments.
  void reset() noexcept {
    if (size_ > inline_capacity) release_block(heap_);
    if (attached_ != Attached::none) drop_attachments();
    size_ = 0;
  }

 private:
  enum class Attached : std::uint64_t { none, one, many };

  [[nodiscard]] static Message copy_to_heap(std::span<const std::byte> bytes);
  [[nodiscard]] bool is_inline() const noexcept { return size_ <= inline_capacity; }
  [[nodiscard]] const std::byte* data() const noexcept {
    return is_inline() ? inline_ : heap_.data;
  }
  void drop_attachments() noexcept;
  void take(Message& other) noexcept {
    size_ = other.size_;
    other.size_ = 0;
    attached_ = other.attached_;
    other.attached_ = Attached::none;
    one_ = std::exchange(other.one_, nullptr);
    // Copies the inline bytes or, in their place, the block.
    std::memcpy(inline_, other.inline_, inline_capacity);
  }

  std::size_t size_ : 62 = 0;
  Attached attached_ : 2 = Attached::none;
  union {
    Object* one_ = nullptr;
    Attachments* many_;
  };
  union {
    std::byte inline_[inline_capacity];
    Block heap_;
  };
};

static_assert(sizeof(Message) == 64, "one cache line");

}  // namespace libatoll::core
