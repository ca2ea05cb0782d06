// Memory for large messages and shared buffers, used again rather than given back: fresh memory
// costs more (page faults) than the copying that it is for. benchmarks/cpp/block_bench.cpp measures
// it.
//
// What nobody has used for a second is given back to the system (reclaim.hpp).
//
// By size: small blocks are malloc's own business; those in the middle come from malloc, and a few
// that were released are kept; large ones are mapped (mapped_block.hpp). Which of these a block is
// shows in its capacity, so a block must go back as it came.
#pragma once

#include <cstddef>
#include <cstdint>

namespace libatoll::core {

struct Block {
  std::byte* data;
  std::size_t capacity;
};

/// Throws std::bad_alloc. Any thread, as all of these.
[[nodiscard]] Block allocate_block(std::size_t at_least);

/// All bytes are 0. Of little excess, unlike the others: it is meant to be kept.
[[nodiscard]] Block allocate_zeroed_block(std::size_t at_least);

/// The same, with any content.
[[nodiscard]] Block allocate_lasting_block(std::size_t at_least);

/// A larger block with the first `used` bytes of `block` (which may be empty), in its place. Throws
/// std::bad_alloc, and leaves `block` as it is then.
[[nodiscard]] Block grow_block(Block block, std::size_t used, std::size_t at_least);

/// Gives back what of a mapped block is beyond `used` bytes, if that is worth it.
[[nodiscard]] Block trim_block(Block block, std::size_t used) noexcept;

void release_block(Block block) noexcept;

/// Frees those that are kept and were released before that time (of monotonic_now()).
void drop_kept_blocks(std::int64_t released_before) noexcept;

[[nodiscard]] std::size_t bytes_of_kept_blocks() noexcept;

}  // namespace libatoll::core
