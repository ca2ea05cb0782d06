#include "core/memory/mapped_block.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <mutex>

#include "core/base/no_destructor.hpp"

namespace libatoll::core {
namespace {

/// The usual size of a huge page. Where it is another, alignment to this does no harm.
constexpr std::size_t huge_page = std::size_t{2} << 20;

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t round_up(std::size_t size, std::size_t unit) noexcept {
  return (size + unit - 1) / unit * unit;
}

void unmap(Block block) noexcept {
  if (block.data) munmap(block.data, block.capacity);
}

/// The blocks that were released last, oldest first. Its lock guards a handful of pointer moves.
class MappedPool {
 public:
  /// Together. Several arrays of 100 MB under way are not rare; what is beyond costs page faults.
  static constexpr std::size_t most_bytes = std::size_t{256} << 20;

  Block take(std::size_t at_least) noexcept {
    const std::lock_guard lock(mutex_);
    std::size_t best = count_;
    for (std::size_t i = 0; i < count_; ++i) {
      if (blocks_[i].capacity < at_least || blocks_[i].capacity / 2 > at_least) continue;
      if (best == count_ || blocks_[i].capacity <= blocks_[best].capacity) best = i;
    }
    return best == count_ ? Block() : remove(best);
  }

  /// The oldest make room. False: it is too large to be kept.
  bool give(Block block) noexcept {
    if (block.capacity > most_bytes) return false;
    std::array<Block, slots> dropped{};
    std::size_t drops = 0;
    {
      const std::lock_guard lock(mutex_);
      while (count_ == slots || bytes_ + block.capacity > most_bytes) dropped[drops++] = remove(0);
      blocks_[count_++] = block;
      bytes_ += block.capacity;
    }
    for (std::size_t i = 0; i < drops; ++i) unmap(dropped[i]);
    return true;
  }

  void clear() noexcept {
    for (;;) {
      Block block{};
      {
        const std::lock_guard lock(mutex_);
        if (count_ == 0) return;
        block = remove(0);
      }
      unmap(block);
    }
  }

  std::size_t bytes() noexcept {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  static constexpr std::size_t slots = 8;

  Block remove(std::size_t index) noexcept {
    const Block block = blocks_[index];
    std::copy(blocks_.begin() + index + 1, blocks_.begin() + count_, blocks_.begin() + index);
    --count_;
    bytes_ -= block.capacity;
    return block;
  }

  std::mutex mutex_;
  std::array<Block, slots> blocks_{};
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

MappedPool& pool() noexcept {
  static NoDestructor<MappedPool> instance;
  return instance.get();
}

/// Fresh memory that begins where a huge page may.
std::byte* map_aligned(std::size_t size) noexcept {
  void* const raw =
      mmap(nullptr, size + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(raw);
  const std::size_t skip = -reinterpret_cast<std::uintptr_t>(raw) % huge_page;
  if (skip != 0) munmap(begin, skip);
  if (skip != huge_page) munmap(begin + skip + size, huge_page - skip);
  return begin + skip;
}

}  // namespace

Block map_block(std::size_t at_least, bool& is_zeroed) noexcept {
  if (at_least > std::numeric_limits<std::size_t>::max() / 2) return {};
  const std::size_t size = round_up(at_least, page_size());
  if (const Block found = pool().take(size); found.data) {
    is_zeroed = false;
    return found;
  }
  std::byte* data = map_aligned(size);
  if (!data) {
    pool().clear();
    data = map_aligned(size);
    if (!data) return {};
  }
  (void)madvise(data, size, MADV_HUGEPAGE);
  is_zeroed = true;
  return {data, size};
}

Block resize_mapped(Block block, std::size_t at_least) noexcept {
  if (at_least > std::numeric_limits<std::size_t>::max() / 2) return {};
  const std::size_t size = round_up(std::max(at_least, mapped_minimum), page_size());
  void* const moved = mremap(block.data, block.capacity, size, MREMAP_MAYMOVE);
  return moved == MAP_FAILED ? Block() : Block{static_cast<std::byte*>(moved), size};
}

void release_mapped(Block block) noexcept {
  // Fails for locked memory only, which stays as it is.
  (void)madvise(block.data, block.capacity, MADV_FREE);
  if (!pool().give(block)) unmap(block);
}

void advise_huge_pages(void* data, std::size_t size) noexcept {
  const auto begin = round_up(reinterpret_cast<std::uintptr_t>(data), page_size());
  const auto end = reinterpret_cast<std::uintptr_t>(data) + size;
  if (end < begin + 2 * huge_page) return;
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

std::size_t mapped_bytes_kept() noexcept {
  return pool().bytes();
}

}  // namespace libatoll::core
