#include "core/message.hpp"

#include <cstdlib>
#include <new>

namespace atoll::core {

Message Message::copy_of(std::span<const std::byte> bytes) {
  Message message;
  message.size_ = bytes.size();
  if (message.is_inline()) {
    if (!bytes.empty()) std::memcpy(message.inline_, bytes.data(), bytes.size());
    return message;
  }
  auto* block = static_cast<std::byte*>(std::malloc(bytes.size()));
  if (!block) {
    message.size_ = 0;
    throw std::bad_alloc();
  }
  std::memcpy(block, bytes.data(), bytes.size());
  message.heap_ = block;
  return message;
}

Message Message::adopt(std::byte* malloc_block, std::size_t size) noexcept {
  Message message;
  message.size_ = size;
  if (message.is_inline()) {
    std::memcpy(message.inline_, malloc_block, size);
    std::free(malloc_block);
  } else {
    message.heap_ = malloc_block;
  }
  return message;
}

void Message::reset() noexcept {
  if (!is_inline()) std::free(heap_);
  size_ = 0;
  delete std::exchange(attachments_, nullptr);
}

}  // namespace atoll::core
