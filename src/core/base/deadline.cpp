#include "core/base/deadline.hpp"

#include <ctime>

namespace libatoll::core {

std::int64_t monotonic_now() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace libatoll::core
