#include "core/parking/lock.hpp"

#include "core/parking/futex.hpp"

namespace libatoll::core {

void Lock::lock_slowly() noexcept {
  // The holder is a few lines from letting go, unless it was preempted: look for a moment, then
  // sleep.
  if (usable_cpus() > 1) {
    for (int i = 0; i < 100; ++i) {
      std::uint32_t expected = free_;
      if (word_.load(std::memory_order_relaxed) == free_ &&
          word_.compare_exchange_weak(expected, held_, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return;
      }
      spin_pause();
    }
  }
  while (word_.exchange(contended_, std::memory_order_acquire) != free_) {
    futex_wait(word_, contended_, Deadline::never());
  }
}

void Lock::wake() noexcept {
  futex_wake_one(word_);
}

}  // namespace libatoll::core
