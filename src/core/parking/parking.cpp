#include "core/parking/parking.hpp"

#include <algorithm>
#include <new>

#include "core/base/no_destructor.hpp"
#include "core/parking/futex.hpp"
#include "core/parking/lock.hpp"

namespace libatoll::core {
namespace {

/// For how many seconds a thread spins. To be woken takes 5 us where CPUs stay awake, and 20 to 50
/// us where the CPU has to be woken, too.
constexpr double spinning_time = 50e-6;
constexpr int spins_per_clock = 8;
/// At most so many waits in a row do not spin.
constexpr std::uint32_t most_sleeps = 64;
/// By how many seconds a signal may be late that came just before the sleep.
constexpr double nap_time = 1e-3;

}  // namespace

/// All parkers of the process.
class ParkerPool {
 public:
  static ParkerPool& instance() noexcept {
    static NoDestructor<ParkerPool> pool;
    return pool.get();
  }

  Parker* acquire() noexcept {
    {
      LockGuard guard(lock_);
      if (Parker* parker = free_) {
        free_ = parker->next_free_;
        parker->start_anew();
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

/// For the next owner: forgets what was meant for the former one, and what that one was like.
void Parker::start_anew() noexcept {
  word_.store(0, std::memory_order_relaxed);
  heeds_signals_ = has_napped_ = false;
  sleeps_ = 0;
  next_sleeps_ = 1;
}

/// Spins until there is a post, for as long as that is worth it.
void Parker::spin(Deadline deadline) noexcept {
  const Deadline end = std::min(deadline, Deadline::after(spinning_time));
  do {
    for (int i = 0; i < spins_per_clock; ++i) {
      if (is_posted()) {
        next_sleeps_ = 1;
        return;
      }
      spin_pause();
    }
  } while (!end.is_over());
  sleeps_ = next_sleeps_;
  next_sleeps_ = std::min(2 * next_sleeps_, most_sleeps);
}

Parker::Wakeup Parker::park(Deadline deadline) noexcept {
  if (sleeps_ > 0) {
    --sleeps_;
  } else if (usable_cpus() > 1) {
    spin(deadline);
  }
  std::uint32_t expected = 0;
  if (!word_.compare_exchange_strong(expected, parked_, std::memory_order_acquire)) {
    const std::uint32_t posted = word_.exchange(0, std::memory_order_acquire);
    return {.interrupted = (posted & interrupt_) != 0};
  }
  Deadline until = deadline;
  if (heeds_signals_ && !has_napped_) {
    until = std::min(deadline, Deadline::after(nap_time));
    has_napped_ = true;
  }
  const FutexResult result = futex_wait(word_, parked_, until);
  const std::uint32_t posted = word_.exchange(0, std::memory_order_acquire);
  const bool timed_out = result == FutexResult::timed_out;
  const bool napped = timed_out && until < deadline;
  return {.interrupted = (posted & interrupt_) != 0 || result == FutexResult::interrupted || napped,
          .timed_out = timed_out && !napped};
}

void Parker::post(std::uint32_t bit) noexcept {
  const std::uint32_t before = word_.fetch_or(bit, std::memory_order_release);
  // With another bit already set, the poster of that one has woken the thread.
  if (before == parked_) futex_wake_one(word_);
}

}  // namespace libatoll::core
