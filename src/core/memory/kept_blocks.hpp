// Blocks that were released and wait to be used again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/memory/block.hpp"

namespace libatoll::core {

/// The last few that were released. Those that nobody has used for a while go (reclaim.hpp). Any
/// thread; its lock guards a handful of pointer moves.
class KeptBlocks {
 public:
  using Free = void (*)(Block) noexcept;

  /// At most `most` blocks of `most_bytes` together. What is beyond is given to `free`.
  constexpr KeptBlocks(std::size_t most, std::size_t most_bytes, Free free) noexcept
      : most_(most), most_bytes_(most_bytes), free_(free) {}
  KeptBlocks(const KeptBlocks&) = delete;
  KeptBlocks& operator=(const KeptBlocks&) = delete;

  static constexpr std::size_t slots = 8;

  /// The one that fits best, and is at most `excess` times as large as it need be; or empty.
  [[nodiscard]] Block take(std::size_t at_least, std::size_t excess) noexcept;

  /// The oldest make room for it. One that is too large to be kept is freed.
  void give(Block block) noexcept;

  /// Frees those that were released before that time (of monotonic_now()).
  void drop_before(std::int64_t time) noexcept;

  [[nodiscard]] std::size_t bytes() noexcept;

 private:
  struct Entry {
    Block block;
    std::int64_t released;
  };

  Block remove(std::size_t index) noexcept;

  const std::size_t most_;
  const std::size_t most_bytes_;
  const Free free_;
  std::mutex mutex_;
  std::array<Entry, slots> entries_{};  ///< oldest first
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace libatoll::core
