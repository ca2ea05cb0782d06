// Large blocks: mapped, in huge pages where the system has them, and kept for a while when they are
// released.
//
// To fault 100 MB in takes several times as long as to copy 100 MB, with pages of 4 KB; with huge
// pages about half as long as the copy. A block that is used again costs nothing. What waits here
// for that, the kernel may take away whenever it is short of memory (MADV_FREE), and after a second
// it is unmapped (reclaim.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/memory/block.hpp"

namespace libatoll::core {

/// Blocks from this size on are mapped. Below, malloc and its reuse are as quick
/// (benchmarks/cpp/block_bench.cpp), and pages of 4 KB hold no more than is asked for.
inline constexpr std::size_t mapped_minimum = std::size_t{8} << 20;

/// At least `at_least` bytes, from mapped_minimum on, and at most twice as many; empty when memory
/// is short. `is_zeroed` tells whether all are 0.
[[nodiscard]] Block map_block(std::size_t at_least, bool& is_zeroed) noexcept;

/// With its content, perhaps elsewhere; empty when memory is short (`block` is as it was then).
[[nodiscard]] Block resize_mapped(Block block, std::size_t at_least) noexcept;

void release_mapped(Block block) noexcept;

/// For large memory of somebody else that is about to be written for the first time.
void advise_huge_pages(void* data, std::size_t size) noexcept;

/// Unmaps those that are kept and were released before that time (of monotonic_now()).
void drop_kept_mapped(std::int64_t released_before) noexcept;

/// Bytes that are kept for later.
[[nodiscard]] std::size_t mapped_bytes_kept() noexcept;

}  // namespace libatoll::core
