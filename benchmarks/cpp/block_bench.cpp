// What fresh memory costs, and what blocks that are used again save: copying so much into it.
// Prints medians in microseconds:
//
//   block_bench [runs]
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "core/memory/block.hpp"

using namespace libatoll::core;

namespace {

using Clock = std::chrono::steady_clock;

double median_us(int runs, const std::function<void()>& work) {
  std::vector<double> taken;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    work();
    taken.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::sort(taken.begin(), taken.end());
  return taken[taken.size() / 2];
}

void in_mapping(const char* source, std::size_t size, int advice) {
  void* const memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  if (advice) (void)madvise(memory, size, advice);
  std::memcpy(memory, source, size);
  munmap(memory, size);
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 15;
  std::printf("%12s%12s%12s%12s%12s%12s   us\n", "bytes", "memcpy", "malloc", "mmap", "huge pages",
              "block");
  for (std::size_t size = std::size_t{32} << 10; size <= std::size_t{128} << 20; size *= 2) {
    const std::vector<char> source(size, 1);
    std::vector<char> target(size, 2);
    const double copied = median_us(runs, [&] { std::memcpy(target.data(), source.data(), size); });
    const double allocated = median_us(runs, [&] {
      auto* volatile const memory = static_cast<char*>(std::malloc(size));  // not to be left out
      if (!memory) std::abort();
      std::memcpy(memory, source.data(), size);
      std::free(memory);
    });
    const double mapped = median_us(runs, [&] { in_mapping(source.data(), size, 0); });
    const double huge = median_us(runs, [&] { in_mapping(source.data(), size, MADV_HUGEPAGE); });
    const double reused = median_us(runs, [&] {
      const Block block = allocate_block(size);
      std::memcpy(block.data, source.data(), size);
      release_block(block);
    });
    std::printf("%12zu%12.1f%12.1f%12.1f%12.1f%12.1f\n", size, copied, allocated, mapped, huge,
                reused);
  }
}
