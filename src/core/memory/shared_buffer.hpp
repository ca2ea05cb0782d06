// Memory that belongs to no interpreter, and that all of them see.
//
// It is what atoll.SharedBuffer and atoll::SharedBuffer hold, what buffers become that leave a
// pickle, and what is under the elements of a SharedArray. Where it goes, it goes by reference. Who
// writes while others read is for the users to settle; the object itself never changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/object.hpp"
#include "core/memory/block.hpp"

namespace libatoll::core {

/// A piece of memory and a right to it: all of a block that goes with it, or a part of that of
/// another SharedBuffer, which it keeps alive.
class SharedBuffer final : public Object {
 public:
  /// Of NumPy's and SIMD code's liking. Slices begin where they begin.
  static constexpr std::size_t alignment = 64;

  /// Writable, and all 0. Empty when memory is short, as with all of these.
  [[nodiscard]] static Handle<SharedBuffer> zeros(std::size_t size) noexcept;
  /// Writable, with any content.
  [[nodiscard]] static Handle<SharedBuffer> uninitialized(std::size_t size) noexcept;
  [[nodiscard]] static Handle<SharedBuffer> copy_of(const void* data, std::size_t size,
                                                    bool readonly) noexcept;

  /// The same memory from `offset` on; it must lie within. What is read-only stays so.
  [[nodiscard]] Handle<SharedBuffer> slice(std::size_t offset, std::size_t size,
                                           bool readonly) noexcept;

  /// Never null.
  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool readonly() const noexcept { return readonly_; }

  /// The sizes of all that own memory, together.
  [[nodiscard]] static std::uint64_t total_bytes() noexcept;

 private:
  SharedBuffer(Block block, std::size_t size) noexcept;
  SharedBuffer(Handle<SharedBuffer> owner, std::byte* data, std::size_t size,
               bool readonly) noexcept
      : data_(data), size_(size), owner_(std::move(owner)), readonly_(readonly) {}
  ~SharedBuffer() override;

  /// `allocate` makes a block, and may throw.
  [[nodiscard]] static Handle<SharedBuffer> make(std::size_t size,
                                                 Block (*allocate)(std::size_t)) noexcept;

  std::byte* data_;
  std::size_t size_;
  Block block_{};               ///< empty for a part
  Handle<SharedBuffer> owner_;  ///< empty for a whole; never a part itself
  bool readonly_ = false;
};

}  // namespace libatoll::core
