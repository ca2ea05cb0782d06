#include "core/memory/kept_blocks.hpp"

#include <algorithm>

#include "core/base/deadline.hpp"
#include "core/base/reclaim.hpp"

namespace libatoll::core {

namespace {
constexpr KeptMemory all_kept_blocks{bytes_of_kept_blocks, drop_kept_blocks};
}  // namespace

Block KeptBlocks::take(std::size_t at_least, std::size_t excess) noexcept {
  const std::lock_guard lock(mutex_);
  std::size_t best = count_;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t capacity = entries_[i].block.capacity;
    if (capacity < at_least || capacity / excess > at_least) continue;
    if (best == count_ || capacity <= entries_[best].block.capacity) best = i;
  }
  return best == count_ ? Block() : remove(best);
}

void KeptBlocks::give(Block block) noexcept {
  if (block.capacity > most_bytes_) {
    free_(block);
    return;
  }
  const std::int64_t now = monotonic_now();
  std::array<Block, slots> dropped{};
  std::size_t drops = 0;
  {
    const std::lock_guard lock(mutex_);
    while (count_ == most_ || bytes_ + block.capacity > most_bytes_) dropped[drops++] = remove(0);
    entries_[count_++] = {block, now};
    bytes_ += block.capacity;
  }
  for (std::size_t i = 0; i < drops; ++i) free_(dropped[i]);
  reclaim_later(all_kept_blocks);
}

void KeptBlocks::drop_before(std::int64_t time) noexcept {
  for (;;) {
    Block block{};
    {
      const std::lock_guard lock(mutex_);
      if (count_ == 0 || entries_[0].released >= time) return;
      block = remove(0);
    }
    free_(block);
  }
}

std::size_t KeptBlocks::bytes() noexcept {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

Block KeptBlocks::remove(std::size_t index) noexcept {
  const Block block = entries_[index].block;
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(index);
  std::copy(at + 1, entries_.begin() + static_cast<std::ptrdiff_t>(count_), at);
  --count_;
  bytes_ -= block.capacity;
  return block;
}

}  // namespace libatoll::core
