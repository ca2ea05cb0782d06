#include "core/memory/message.hpp"

namespace libatoll::core {

Message Message::copy_to_heap(std::span<const std::byte> bytes) {
  const Block block = allocate_block(bytes.size());
  std::memcpy(block.data, bytes.data(), bytes.size());
  return adopt(block, bytes.size());
}

Message Message::adopt(Block block, std::size_t size) noexcept {
  Message message;
  message.size_ = size;
  if (message.is_inline()) {
    if (size) std::memcpy(message.inline_, block.data, size);
    release_block(block);
  } else {
    message.heap_ = block;
  }
  return message;
}

void Message::drop_attachments() noexcept {
  const Attached attached = attached_;
  attached_ = Attached::none;
  switch (attached) {
    case Attached::one:
      one_->release();
      break;
    case Attached::many:
      delete many_;
      break;
    case Attached::none:
      break;
  }
  one_ = nullptr;
}

}  // namespace libatoll::core
