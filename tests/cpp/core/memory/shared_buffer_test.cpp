// Memory that belongs to no interpreter: alignment, parts, and its end.
#include "core/memory/shared_buffer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "core/memory/mapped_block.hpp"

using namespace libatoll::core;

TEST_CASE("it is aligned, zeroed and counted") {
  const std::uint64_t before = SharedBuffer::total_bytes();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000},
                                 mapped_minimum, 3 * mapped_minimum + 1}) {
    CAPTURE(size);
    const auto buffer = SharedBuffer::zeros(size);
    REQUIRE(buffer);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer->data()) % SharedBuffer::alignment == 0);
    CHECK(buffer->size() == size);
    CHECK_FALSE(buffer->readonly());
    if (size != 0) CHECK(buffer->data()[size - 1] == std::byte{0});
    CHECK(SharedBuffer::total_bytes() == before + size);
  }
  CHECK(SharedBuffer::total_bytes() == before);
}

TEST_CASE("a part keeps the whole, and read-only stays read-only") {
  const std::uint64_t before = SharedBuffer::total_bytes();
  Handle<SharedBuffer> part;
  {
    const auto whole = SharedBuffer::copy_of("0123456789", 10, false);
    part = whole->slice(2, 6, true)->slice(1, 3, false);
    CHECK(whole->use_count() == 2);
    whole->data()[3] = std::byte{'x'};
  }
  CHECK(std::memcmp(part->data(), "x45", 3) == 0);
  CHECK(part->size() == 3);
  CHECK(part->readonly());
  CHECK(SharedBuffer::total_bytes() == before + 10);
  part = {};
  CHECK(SharedBuffer::total_bytes() == before);
}

TEST_CASE("more than there is") {
  CHECK_FALSE(SharedBuffer::zeros(std::numeric_limits<std::size_t>::max()));
  CHECK_FALSE(SharedBuffer::zeros(std::numeric_limits<std::size_t>::max() / 2));
  CHECK_FALSE(SharedBuffer::uninitialized(std::numeric_limits<std::size_t>::max() / 4));
}

TEST_CASE("the last of many threads frees it") {
  const std::uint64_t before = SharedBuffer::total_bytes();
  for (int round = 0; round < 100; ++round) {
    auto buffer = SharedBuffer::zeros(1000);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([mine = buffer]() mutable {
        for (int k = 0; k < 100; ++k) {
          const auto part = mine->slice(static_cast<std::size_t>(k), 1, false);
          static_cast<void>(part->size());
        }
        mine = {};
      });
    }
    buffer = {};
    for (std::thread& thread : threads) thread.join();
  }
  CHECK(SharedBuffer::total_bytes() == before);
}
