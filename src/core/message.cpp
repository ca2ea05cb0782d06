#include "core/message.hpp"

#include <array>
#include <cstdlib>
#include <mutex>
#include <new>

namespace libatoll::core {
namespace {

/// The last few blocks that were released, for the next large messages. Its lock guards a handful
/// of pointer moves.
class BlockPool {
 public:
  /// Smaller ones malloc hands out quickly enough; larger ones are not worth keeping.
  static constexpr std::size_t smallest = 32 * 1024;
  static constexpr std::size_t largest = 8 * 1024 * 1024;

  Block take(std::size_t at_least) noexcept {
    const std::lock_guard lock(mutex_);
    std::size_t best = count_;
    for (std::size_t i = 0; i < count_; ++i) {
      if (blocks_[i].capacity < at_least || blocks_[i].capacity / 8 > at_least) continue;
      if (best == count_ || blocks_[i].capacity < blocks_[best].capacity) best = i;
    }
    if (best == count_) return {};
    const Block found = blocks_[best];
    blocks_[best] = blocks_[--count_];
    return found;
  }

  /// The block that has to be freed: the smallest one when there is no room for all.
  Block give(Block block) noexcept {
    const std::lock_guard lock(mutex_);
    if (count_ < blocks_.size()) {
      blocks_[count_++] = block;
      return {};
    }
    std::size_t least = 0;
    for (std::size_t i = 1; i < count_; ++i) {
      if (blocks_[i].capacity < blocks_[least].capacity) least = i;
    }
    if (blocks_[least].capacity < block.capacity) std::swap(blocks_[least], block);
    return block;
  }

 private:
  std::mutex mutex_;
  std::array<Block, 4> blocks_{};
  std::size_t count_ = 0;
};

// Never destroyed: messages may go after the static destructors have run.
BlockPool& pool() {
  static BlockPool* const instance = new BlockPool;
  return *instance;
}

}  // namespace

Block allocate_block(std::size_t at_least) {
  if (at_least >= BlockPool::smallest && at_least <= BlockPool::largest) {
    if (const Block found = pool().take(at_least); found.data) return found;
  }
  auto* const data = static_cast<std::byte*>(std::malloc(at_least));
  if (!data) throw std::bad_alloc();
  return {data, at_least};
}

void release_block(Block block) noexcept {
  if (block.capacity >= BlockPool::smallest && block.capacity <= BlockPool::largest) {
    block = pool().give(block);
  }
  std::free(block.data);
}

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
