#include "core/base/reclaim.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

#include "core/base/deadline.hpp"
#include "core/base/no_destructor.hpp"
#include "core/base/threads.hpp"

namespace libatoll::core {

namespace reclaim_detail {
constinit thread_local std::ptrdiff_t uncounted = 0;
}  // namespace reclaim_detail

namespace {

/// Bytes that the core has from malloc: approximately, as threads add their share in batches.
std::atomic<std::ptrdiff_t> live{0};
/// The most since malloc was last trimmed.
std::atomic<std::ptrdiff_t> peak{0};
/// It has fallen far enough for that.
std::atomic<bool> trim_is_due{false};

constexpr std::ptrdiff_t least_trimmed = std::ptrdiff_t{2} << 20;

void trim_malloc() noexcept {
  if (!trim_is_due.exchange(false)) return;
  peak.store(live.load(std::memory_order_relaxed), std::memory_order_relaxed);
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/// Null until something was kept.
constinit std::atomic<const KeptMemory*> kept_memory{nullptr};

[[nodiscard]] std::size_t bytes_kept() noexcept {
  const KeptMemory* const kept = kept_memory.load(std::memory_order_acquire);
  return kept ? kept->bytes() : 0;
}

void drop_kept_before(std::int64_t time) noexcept {
  if (const KeptMemory* const kept = kept_memory.load(std::memory_order_acquire)) {
    kept->drop_before(time);
  }
}

/// The thread that gives memory back, while there is one.
class Reclaimer {
 public:
  [[nodiscard]] static Reclaimer& instance() noexcept {
    static NoDestructor<Reclaimer> reclaimer;
    return reclaimer.get();
  }

  /// False: no thread can be had now.
  bool ensure() noexcept {
    const std::lock_guard lock(mutex_);
    if (is_running_) return true;
    try {
      start_thread(Signals::none, [this] { run(); });
    } catch (const std::exception&) {
      return false;
    }
    return is_running_ = true;
  }

  void before_fork() noexcept { mutex_.lock(); }
  void after_fork_in_parent() noexcept { mutex_.unlock(); }
  void after_fork_in_child() noexcept {
    is_running_ = false;
    trim_is_due.store(false);
    mutex_.unlock();
  }

 private:
  void run() noexcept {
    std::unique_lock lock(mutex_);
    do {
      const auto later = std::chrono::steady_clock::now() + patience;
      while (never_.wait_until(lock, later) != std::cv_status::timeout) {
      }
      lock.unlock();
      drop_kept_before(monotonic_now() - reclaim_patience);
      reclaim_detail::add_to_count();
      trim_malloc();
      lock.lock();
      // Whoever gives a block back from now on finds that there is a thread, or is seen here.
    } while (bytes_kept() != 0 || trim_is_due.load());
    is_running_ = false;
  }

  static constexpr std::chrono::nanoseconds patience{reclaim_patience};

  std::mutex mutex_;
  std::condition_variable never_;  ///< nobody notifies it
  bool is_running_ = false;        ///< guarded by mutex_
};

}  // namespace

void reclaim_detail::add_to_count() noexcept {
  const std::ptrdiff_t change = std::exchange(uncounted, 0);
  const std::ptrdiff_t now = live.fetch_add(change, std::memory_order_relaxed) + change;
  std::ptrdiff_t most = peak.load(std::memory_order_relaxed);
  while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
  if (most - now < std::max(least_trimmed, now / 8)) return;
  if (!trim_is_due.exchange(true) && !Reclaimer::instance().ensure()) trim_is_due.store(false);
}

void reclaim_later(const KeptMemory& kept) noexcept {
  kept_memory.store(&kept, std::memory_order_release);
  (void)Reclaimer::instance().ensure();
}

void reclaim_now() noexcept {
  drop_kept_before(std::numeric_limits<std::int64_t>::max());
  reclaim_detail::add_to_count();
  trim_is_due.store(true);
  trim_malloc();
}

void reclaim_before_fork() noexcept {
  Reclaimer::instance().before_fork();
}

void reclaim_after_fork_in_parent() noexcept {
  Reclaimer::instance().after_fork_in_parent();
}

void reclaim_after_fork_in_child() noexcept {
  Reclaimer::instance().after_fork_in_child();
}

}  // namespace libatoll::core
