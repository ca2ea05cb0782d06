#include "core/memory/block.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include "core/base/no_destructor.hpp"
#include "core/memory/mapped_block.hpp"

namespace libatoll::core {
namespace {

/// Smaller ones malloc hands out quickly enough.
constexpr std::size_t pooled_minimum = std::size_t{32} << 10;

[[nodiscard]] bool is_mapped(Block block) noexcept {
  return block.capacity >= mapped_minimum;
}
[[nodiscard]] bool is_pooled(Block block) noexcept {
  return block.capacity >= pooled_minimum && !is_mapped(block);
}

/// The last few blocks of the middle sizes that were released. Its lock guards a handful of pointer
/// moves.
class BlockPool {
 public:
  /// One that is at most `excess` times as large as it need be.
  Block take(std::size_t at_least, std::size_t excess) noexcept {
    const std::lock_guard lock(mutex_);
    std::size_t best = count_;
    for (std::size_t i = 0; i < count_; ++i) {
      if (blocks_[i].capacity < at_least || blocks_[i].capacity / excess > at_least) continue;
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
BlockPool& pool() noexcept {
  static NoDestructor<BlockPool> instance;
  return instance.get();
}

/// A message is soon gone: it may have a much larger block than it needs.
constexpr std::size_t message_excess = 8;
constexpr std::size_t lasting_excess = 2;

Block allocate(std::size_t at_least, std::size_t excess, bool zeroed) {
  Block block{};
  bool is_zeroed = false;
  if (at_least >= mapped_minimum) {
    block = map_block(at_least, is_zeroed);
  } else {
    if (at_least >= pooled_minimum) block = pool().take(at_least, excess);
    if (!block.data) {
      // Not of size 0, for which null is an answer.
      const std::size_t size = at_least ? at_least : 1;
      void* const data = zeroed ? std::calloc(size, 1) : std::malloc(size);
      block = {static_cast<std::byte*>(data), size};
      is_zeroed = zeroed;
    }
  }
  if (!block.data) throw std::bad_alloc();
  if (zeroed && !is_zeroed) std::memset(block.data, 0, at_least);
  return block;
}

}  // namespace

Block allocate_block(std::size_t at_least) {
  return allocate(at_least, message_excess, false);
}

Block allocate_zeroed_block(std::size_t at_least) {
  return allocate(at_least, lasting_excess, true);
}

Block allocate_lasting_block(std::size_t at_least) {
  return allocate(at_least, lasting_excess, false);
}

Block grow_block(Block block, std::size_t used, std::size_t at_least) {
  Block grown{};
  if (is_mapped(block)) {
    // Moves pages instead of copying them.
    grown = resize_mapped(block, at_least);
  } else if (at_least < pooled_minimum) {
    grown = {static_cast<std::byte*>(std::realloc(block.data, at_least)), at_least};
  } else {
    grown = allocate_block(at_least);
    if (used) std::memcpy(grown.data, block.data, used);
    release_block(block);
  }
  if (!grown.data) throw std::bad_alloc();
  return grown;
}

Block trim_block(Block block, std::size_t used) noexcept {
  if (!is_mapped(block) || block.capacity <= used + used / 8) return block;
  const Block trimmed = resize_mapped(block, used);
  return trimmed.data ? trimmed : block;
}

void release_block(Block block) noexcept {
  if (is_mapped(block)) {
    release_mapped(block);
    return;
  }
  if (is_pooled(block)) block = pool().give(block);
  std::free(block.data);
}

}  // namespace libatoll::core
