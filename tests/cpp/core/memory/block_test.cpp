// Blocks: sizes, content, what is used again.
#include "core/memory/block.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "core/memory/mapped_block.hpp"

using namespace libatoll::core;

namespace {

constexpr std::size_t mega = std::size_t{1} << 20;

bool all_are(const std::byte* data, std::size_t size, int value) {
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] != std::byte(value)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("blocks of all sizes hold what is asked for") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{40'000}, mega,
                                 mapped_minimum - 1, mapped_minimum, 40 * mega + 1}) {
    CAPTURE(size);
    const Block block = allocate_block(size);
    REQUIRE(block.data);
    CHECK(block.capacity >= size);
    std::memset(block.data, 1, size);
    release_block(block);
  }
}

TEST_CASE("zeroed blocks are zeroed also when they are used again") {
  for (const std::size_t size : {std::size_t{100}, mega, 20 * mega}) {
    CAPTURE(size);
    const Block first = allocate_block(size);
    std::memset(first.data, 0xFF, size);
    release_block(first);
    const Block second = allocate_zeroed_block(size);
    CHECK(all_are(second.data, size, 0));
    CHECK(second.capacity <= 2 * size + 4096);
    release_block(second);
  }
}

TEST_CASE("a large block is used again, one that is much too large is not") {
  const Block first = allocate_block(64 * mega);
  release_block(first);
  CHECK(mapped_bytes_kept() >= 64 * mega);
  const Block small = allocate_block(10 * mega);
  CHECK(small.data != first.data);
  const Block again = allocate_block(50 * mega);
  CHECK(again.data == first.data);
  release_block(again);
  release_block(small);
}

TEST_CASE("what is kept has a limit") {
  std::vector<Block> blocks;
  for (int i = 0; i < 12; ++i) blocks.push_back(allocate_block(48 * mega));
  for (const Block block : blocks) release_block(block);
  CHECK(mapped_bytes_kept() <= 256 * mega);
  const Block enormous = allocate_block(300 * mega);
  const std::size_t before = mapped_bytes_kept();
  release_block(enormous);
  CHECK(mapped_bytes_kept() == before);
}

TEST_CASE("growing keeps the content") {
  Block block{};
  std::size_t used = 0;
  for (std::size_t size = 1000; size < 40 * mega; size *= 3) {
    block = grow_block(block, used, size);
    CHECK(block.capacity >= size);
    CHECK(all_are(block.data, used, 7));
    std::memset(block.data, 7, size);
    used = size;
  }
  const std::size_t capacity = block.capacity;
  block = trim_block(block, used / 3);
  CHECK(block.capacity < capacity);
  CHECK(all_are(block.data, used / 3, 7));
  release_block(block);
}

TEST_CASE("more than there is") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const std::size_t size : {most, most / 2, most / 4}) {
    CHECK_THROWS_AS((void)allocate_block(size), std::bad_alloc);
    CHECK_THROWS_AS((void)allocate_zeroed_block(size), std::bad_alloc);
  }
  const Block block = allocate_block(10 * mega);
  CHECK_THROWS_AS((void)grow_block(block, 0, most / 4), std::bad_alloc);
  std::memset(block.data, 1, 10 * mega);
  release_block(block);
}
