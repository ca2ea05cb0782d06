#include "core/memory/block.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/no_destructor.hpp"
#include "core/base/reclaim.hpp"
#include "core/memory/kept_blocks.hpp"
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

void free_block(Block block) noexcept {
  std::free(block.data);
  note_freed(block.capacity);
}

// Never destroyed: messages may go after the static destructors have run.
KeptBlocks& kept() noexcept {
  static NoDestructor<KeptBlocks> instance(std::size_t{4}, 4 * mapped_minimum, free_block);
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
    if (at_least >= pooled_minimum) block = kept().take(at_least, excess);
    if (!block.data) {
      // Not of size 0, for which null is an answer.
      const std::size_t size = at_least ? at_least : 1;
      void* const data = zeroed ? std::calloc(size, 1) : std::malloc(size);
      block = {static_cast<std::byte*>(data), size};
      is_zeroed = zeroed;
      if (data) note_allocated(size);
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
    if (grown.data) note_allocated(at_least - block.capacity);
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
  if (is_pooled(block)) {
    kept().give(block);
  } else if (block.data) {
    free_block(block);
  }
}

void drop_kept_blocks(std::int64_t released_before) noexcept {
  kept().drop_before(released_before);
  drop_kept_mapped(released_before);
}

std::size_t bytes_of_kept_blocks() noexcept {
  return kept().bytes() + mapped_bytes_kept();
}

}  // namespace libatoll::core
