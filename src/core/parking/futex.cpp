#include "core/parking/futex.hpp"

#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace libatoll::core {

namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;

/// Far enough to be never. The kernel restarts a wait without a timeout by itself after a handler
/// that was installed with SA_RESTART, and the caller would not learn of the signal; a wait with a
/// timeout always comes back with EINTR.
constexpr timespec far_away{.tv_sec = 2'000'000'000, .tv_nsec = 0};

timespec to_timespec(Deadline deadline) noexcept {
  if (deadline.is_never()) return far_away;
  if (deadline.nanoseconds() <= 0) return {.tv_sec = 0, .tv_nsec = 0};
  return {.tv_sec = static_cast<time_t>(deadline.nanoseconds() / nanoseconds_per_second),
          .tv_nsec = static_cast<long>(deadline.nanoseconds() % nanoseconds_per_second)};
}

}  // namespace

FutexResult futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       Deadline deadline) noexcept {
  const timespec until = to_timespec(deadline);
  // FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC; FUTEX_WAIT would take a relative
  // one, which drifts when the wait is resumed.
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                              &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  if (result == 0) return FutexResult::woken;
  switch (errno) {
    case EINTR:
      return FutexResult::interrupted;
    case ETIMEDOUT:
      return deadline.is_never() ? FutexResult::woken : FutexResult::timed_out;
    default:
      return FutexResult::woken;  // EAGAIN: the word has changed already
  }
}

void futex_wake_one(const std::atomic<std::uint32_t>& word) noexcept {
  const int saved = errno;
  syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
  errno = saved;
}

unsigned usable_cpus() noexcept {
  static const unsigned count = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1U;
    return static_cast<unsigned>(CPU_COUNT(&set));
  }();
  return count;
}

}  // namespace libatoll::core
