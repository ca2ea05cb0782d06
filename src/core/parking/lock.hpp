// The lock of every core object.
//
// It guards a few lines: never a wait, never user code, never the destruction of a Message. One
// word; about half the price of std::mutex when nobody contends. The algorithm is the third mutex
// of Ulrich Drepper's "Futexes are tricky".
#pragma once

#include <atomic>
#include <cstdint>

namespace libatoll::core {

class Lock {
 public:
  Lock() noexcept = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void lock() noexcept {
    std::uint32_t expected = free_;
    if (!word_.compare_exchange_strong(expected, held_, std::memory_order_acquire,
                                       std::memory_order_relaxed)) [[unlikely]] {
      lock_slowly();
    }
  }

  void unlock() noexcept {
    if (word_.exchange(free_, std::memory_order_release) == contended_) [[unlikely]]
      wake();
  }

 private:
  static constexpr std::uint32_t free_ = 0;
  static constexpr std::uint32_t held_ = 1;
  static constexpr std::uint32_t contended_ = 2;  ///< held, and somebody may sleep

  void lock_slowly() noexcept;
  void wake() noexcept;

  std::atomic<std::uint32_t> word_{free_};
};

/// std::lock_guard, spelled short; also keeps <mutex> out of the headers.
class [[nodiscard]] LockGuard {
 public:
  explicit LockGuard(Lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~LockGuard() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace libatoll::core
