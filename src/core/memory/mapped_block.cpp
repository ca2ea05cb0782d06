#include "core/memory/mapped_block.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/base/no_destructor.hpp"
#include "core/memory/kept_blocks.hpp"

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

/// Together. Several arrays of 100 MB under way are not rare; what is beyond costs page faults.
constexpr std::size_t most_bytes = std::size_t{256} << 20;

KeptBlocks& kept_mappings() noexcept {
  static NoDestructor<KeptBlocks> instance(KeptBlocks::slots, most_bytes, unmap);
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
  if (const Block found = kept_mappings().take(size, 2); found.data) {
    is_zeroed = false;
    return found;
  }
  std::byte* data = map_aligned(size);
  if (!data) {
    drop_kept_mapped(std::numeric_limits<std::int64_t>::max());
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
  kept_mappings().give(block);
}

void advise_huge_pages(void* data, std::size_t size) noexcept {
  const auto begin = round_up(reinterpret_cast<std::uintptr_t>(data), page_size());
  const auto end = reinterpret_cast<std::uintptr_t>(data) + size;
  if (end < begin + 2 * huge_page) return;
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

void drop_kept_mapped(std::int64_t released_before) noexcept {
  kept_mappings().drop_before(released_before);
}

std::size_t mapped_bytes_kept() noexcept {
  return kept_mappings().bytes();
}

}  // namespace libatoll::core
