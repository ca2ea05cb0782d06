#include "core/parking.hpp"

#include <new>

#include "core/futex.hpp"
#include "core/immortal.hpp"
#include "core/lock.hpp"

namespace libatoll::core {

/// All parkers of the process.
class ParkerPool {
 public:
  static ParkerPool& instance() noexcept {
    static Immortal<ParkerPool> pool;
    return pool.get();
  }

  Parker* acquire() noexcept {
    {
      LockGuard guard(lock_);
      if (Parker* parker = free_) {
        free_ = parker->next_free_;
        parker->word_.store(0, std::memory_order_relaxed);  // what was meant for the former owner
        return parker;
      }
    }
    Parker* parker = new (std::nothrow) Parker;
    if (!parker) return nullptr;
    LockGuard guard(lock_);
    parker->next_all_ = all_;
    all_ = parker;
    return parker;
  }

  void release(Parker* parker) noexcept {
    parker->set_idle();
    LockGuard guard(lock_);
    parker->next_free_ = free_;
    free_ = parker;
  }

  void unpark_waiting(InterpreterId id, bool everybody) noexcept {
    // Parkers are not freed and the list only grows at its head, so the walk needs no lock.
    Parker* parker;
    {
      LockGuard guard(lock_);
      parker = all_;
    }
    for (; parker; parker = parker->next_all_) {
      const InterpreterId waits_for = parker->interpreter_.load(std::memory_order_seq_cst);
      if (waits_for == Parker::idle_) continue;
      if (everybody || waits_for == id) parker->unpark();
    }
  }

 private:
  Lock lock_;
  Parker* all_ = nullptr;
  Parker* free_ = nullptr;
};

Parker* Parker::current() noexcept {
  struct Owner {
    Parker* parker = nullptr;
    ~Owner() {
      if (parker) ParkerPool::instance().release(parker);
    }
  };
  static thread_local Owner owner;
  if (!owner.parker) owner.parker = ParkerPool::instance().acquire();
  return owner.parker;
}

void Parker::unpark_waiting(InterpreterId id, bool everybody) noexcept {
  ParkerPool::instance().unpark_waiting(id, everybody);
}

Parker::Wakeup Parker::park(Deadline deadline) noexcept {
  std::uint32_t expected = 0;
  if (!word_.compare_exchange_strong(expected, parked_, std::memory_order_acquire)) {
    const std::uint32_t posted = word_.exchange(0, std::memory_order_acquire);
    return {.interrupted = (posted & interrupt_) != 0};
  }
  const FutexResult result = futex_wait(word_, parked_, deadline);
  const std::uint32_t posted = word_.exchange(0, std::memory_order_acquire);
  return {.interrupted = (posted & interrupt_) != 0 || result == FutexResult::interrupted,
          .timed_out = result == FutexResult::timed_out};
}

void Parker::post(std::uint32_t bit) noexcept {
  const std::uint32_t before = word_.fetch_or(bit, std::memory_order_release);
  // With another bit already set, the poster of that one has woken the thread.
  if (before == parked_) futex_wake_one(word_);
}

}  // namespace libatoll::core
