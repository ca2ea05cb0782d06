// What is given back to the system, and when.
#include "core/base/reclaim.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <vector>

#include "../support.hpp"
#include "core/base/deadline.hpp"
#include "core/memory/block.hpp"
#include "core/memory/kept_blocks.hpp"

using namespace libatoll::core;
using libatoll::test::eventually;
using libatoll::test::in_thread;

namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;

[[maybe_unused]] std::size_t resident() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t pages = 0;
  statm >> size >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

int freed = 0;
void count_freed(Block) noexcept {
  ++freed;
}

Block block_of(std::size_t capacity) {
  static std::byte somewhere;
  return {&somewhere, capacity};
}

}  // namespace

TEST_CASE("kept blocks: the one that fits best, the last one of several") {
  KeptBlocks kept(4, 1000, count_freed);
  CHECK_FALSE(kept.take(1, 8).data);
  kept.give(block_of(100));
  kept.give(block_of(40));
  kept.give(block_of(60));
  CHECK(kept.bytes() == 200);
  CHECK(kept.take(50, 8).capacity == 60);
  CHECK(kept.take(50, 8).capacity == 100);
  CHECK_FALSE(kept.take(50, 8).data);
  CHECK_FALSE(kept.take(10, 2).data);
  CHECK(kept.take(10, 4).capacity == 40);
  CHECK(kept.bytes() == 0);
}

TEST_CASE("kept blocks: the oldest make room, the too large are not kept") {
  freed = 0;
  KeptBlocks kept(3, 1000, count_freed);
  kept.give(block_of(1001));
  CHECK(freed == 1);
  for (int i = 0; i < 3; ++i) kept.give(block_of(100));
  CHECK(freed == 1);
  kept.give(block_of(101));
  CHECK(freed == 2);
  CHECK(kept.bytes() == 301);
  kept.give(block_of(850));
  CHECK(freed == 4);
  CHECK(kept.bytes() == 951);
  kept.drop_before(monotonic_now() + 1);
  CHECK(freed == 6);
  CHECK(kept.bytes() == 0);
}

TEST_CASE("kept blocks: those of before a time go") {
  freed = 0;
  KeptBlocks kept(3, 1000, count_freed);
  const std::int64_t before = monotonic_now();
  kept.give(block_of(1));
  kept.drop_before(before);
  CHECK(freed == 0);
  kept.drop_before(monotonic_now() + 1);
  CHECK(freed == 1);
}

TEST_CASE("blocks that nobody uses again are given back") {
  for (const std::size_t size : {std::size_t{100'000}, 30 * megabyte}) {
    CAPTURE(size);
    release_block(allocate_block(size));
    CHECK(bytes_of_kept_blocks() >= size);
    CHECK(eventually([] { return bytes_of_kept_blocks() == 0; }));
  }
}

TEST_CASE("at once") {
  release_block(allocate_block(megabyte));
  release_block(allocate_block(30 * megabyte));
  reclaim_now();
  CHECK(bytes_of_kept_blocks() == 0);
}

// Sanitizers have an allocator of their own, which keeps what was freed.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)

TEST_CASE("many small blocks leave nothing with malloc") {
  std::vector<Block> blocks;
  const std::size_t before = resident();
  for (std::size_t i = 0; i < 100'000; ++i) {
    blocks.push_back(allocate_block(1000));
    std::memset(blocks.back().data, 1, 1000);
  }
  // This one keeps malloc from giving the top of its memory back by itself.
  const Block last = allocate_block(1000);
  CHECK(resident() > before + 90 * megabyte);
  for (const Block block : blocks) release_block(block);
  CHECK(eventually([before] { return resident() < before + 10 * megabyte; }));
  release_block(last);
}

TEST_CASE("what one thread allocates, and another frees") {
  const std::size_t before = resident();
  auto blocks = in_thread([] {
                  std::vector<Block> made;
                  for (std::size_t i = 0; i < 50'000; ++i) {
                    made.push_back(allocate_block(1000));
                    std::memset(made.back().data, 1, 1000);
                  }
                  return made;
                }).get();
  CHECK(resident() > before + 40 * megabyte);
  for (const Block block : blocks) release_block(block);
  CHECK(eventually([before] { return resident() < before + 10 * megabyte; }));
}

#endif
