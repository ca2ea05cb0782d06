#include "core/message.hpp"

#include <cstdlib>
#include <new>

namespace atoll::core {

Message Message::copy_to_heap(std::span<const std::byte> bytes) {
  auto* block = static_cast<std::byte*>(std::malloc(bytes.size()));
  if (!block) throw std::bad_alloc();
  std::memcpy(block, bytes.data(), bytes.size());
  return adopt(block, bytes.size());
}

Message Message::adopt(std::byte* malloc_block, std::size_t size) noexcept {
  Message message;
  message.size_ = size;
  if (message.is_inline()) {
    if (size) std::memcpy(message.inline_, malloc_block, size);
    std::free(malloc_block);
  } else {
    message.heap_ = malloc_block;
  }
  return message;
}

void Message::free_parts() noexcept {
  if (!is_inline()) std::free(heap_);
  size_ = 0;
  delete std::exchange(attachments_, nullptr);
}

}  // namespace atoll::core
