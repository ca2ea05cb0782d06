#include "core/memory/shared_buffer.hpp"

#include <atomic>
#include <cstring>
#include <limits>
#include <new>

namespace libatoll::core {
namespace {

constinit std::atomic<std::uint64_t> bytes_alive{0};

std::byte* aligned(std::byte* data) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return data + (-address % SharedBuffer::alignment);
}

}  // namespace

SharedBuffer::SharedBuffer(Block block, std::size_t size) noexcept
    : data_(aligned(block.data)), size_(size), block_(block) {
  bytes_alive.fetch_add(size, std::memory_order_relaxed);
}

SharedBuffer::~SharedBuffer() {
  if (owner_) return;
  release_block(block_);
  bytes_alive.fetch_sub(size_, std::memory_order_relaxed);
}

Handle<SharedBuffer> SharedBuffer::make(std::size_t size, Block (*allocate)(std::size_t)) noexcept {
  if (size > std::numeric_limits<std::ptrdiff_t>::max() - alignment) return {};
  Block block{};
  try {
    block = allocate(size + alignment - 1);
  } catch (const std::bad_alloc&) {
    return {};
  }
  auto* const made = new (std::nothrow) SharedBuffer(block, size);
  if (!made) release_block(block);
  return Handle<SharedBuffer>::adopt(made);
}

Handle<SharedBuffer> SharedBuffer::zeros(std::size_t size) noexcept {
  return make(size, allocate_zeroed_block);
}

Handle<SharedBuffer> SharedBuffer::uninitialized(std::size_t size) noexcept {
  return make(size, allocate_lasting_block);
}

Handle<SharedBuffer> SharedBuffer::copy_of(const void* data, std::size_t size,
                                           bool readonly) noexcept {
  auto made = uninitialized(size);
  if (!made) return {};
  if (size != 0) std::memcpy(made->data_, data, size);
  made->readonly_ = readonly;
  return made;
}

Handle<SharedBuffer> SharedBuffer::slice(std::size_t offset, std::size_t size,
                                         bool readonly) noexcept {
  auto owner = owner_ ? owner_ : Handle<SharedBuffer>::share(this);
  return Handle<SharedBuffer>::adopt(new (std::nothrow) SharedBuffer(
      std::move(owner), data_ + offset, size, readonly_ || readonly));
}

std::uint64_t SharedBuffer::total_bytes() noexcept {
  return bytes_alive.load(std::memory_order_relaxed);
}

}  // namespace libatoll::core
