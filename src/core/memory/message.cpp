#include "core/memory/message.hpp"

#include "core/memory/shared_buffer.hpp"

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

std::size_t Message::own_bytes() const noexcept {
  std::size_t bytes = size_;
  for (std::size_t i = 0; i < attachment_count(); ++i) {
    const auto* const memory = dynamic_cast<const SharedBuffer*>(attachment(i));
    if (memory && memory->use_count() == 1) bytes += memory->size();
  }
  return bytes;
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
