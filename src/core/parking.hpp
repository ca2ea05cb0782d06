// Putting a thread to sleep and waking it.
//
// Every thread that waits has one Parker: a futex word. unpark() before park() is not lost: the
// next park() returns at once. A wake-up is a hint only ("look again"); what happened is told by
// the Waiter. That makes stale and spurious wake-ups harmless, also those that a nested wait (a
// signal handler that waits, too) takes from the outer one.
//
// Nobody spins before the sleep. Measured on two CPUs (benchmarks/cpp/core_bench.cpp, adaptive
// spins of 50 to 1000 pauses of 45 ns): with other work on the machine every length made the round
// trip of two threads slower or left it alone. A spin that is to help when the other CPU is idle
// would have to outlast that CPU's waking up, which is 40 us here.
//
// Parkers are never freed, only reused by later threads. A waker may therefore call unpark() after
// the sleeper has seen its result and has ended.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/deadline.hpp"
#include "core/status.hpp"

namespace libatoll::core {

class Parker {
 public:
  Parker(const Parker&) = delete;
  Parker& operator=(const Parker&) = delete;

  /// The calling thread's. Null if there was no memory for it.
  [[nodiscard]] static Parker* current() noexcept;

  struct Wakeup {
    bool interrupted = false;  ///< a signal handler ran in this thread, or interrupt() was called
    bool timed_out = false;
  };

  /// Sleeps until unpark(), interrupt(), a signal or the deadline; may return without any of them.
  /// Owner only.
  Wakeup park(Deadline deadline) noexcept;

  /// Any thread.
  void unpark() noexcept { post(notified_); }

  /// Makes the current wait of this thread, or if there is none its next one, come back with
  /// Status::interrupted once. Any thread; async-signal-safe.
  ///
  /// A signal that arrives between the caller's last look at its flags and the system call does not
  /// end the sleep by itself. Whoever must not miss it (Ctrl-C) calls this from the handler.
  void interrupt() noexcept { post(interrupt_); }

  /// The interpreter on whose behalf the thread waits right now. Owner only.
  void set_interpreter(InterpreterId id) noexcept {
    interpreter_.store(id, std::memory_order_seq_cst);
  }

  /// Wakes every thread that waits for `id`, all that wait if `everybody`, to look again.
  static void unpark_waiting(InterpreterId id, bool everybody) noexcept;

  /// After a wait. Owner only.
  void set_idle() noexcept { interpreter_.store(idle_, std::memory_order_relaxed); }

 private:
  friend class ParkerPool;
  Parker() noexcept = default;

  static constexpr std::uint32_t parked_ = 1;
  static constexpr std::uint32_t notified_ = 2;
  static constexpr std::uint32_t interrupt_ = 4;
  static constexpr InterpreterId idle_ = -2;  ///< does not wait; differs from no_interpreter

  void post(std::uint32_t bit) noexcept;

  std::atomic<std::uint32_t> word_{0};
  std::atomic<InterpreterId> interpreter_{idle_};
  Parker* next_all_ = nullptr;   ///< all parkers ever made
  Parker* next_free_ = nullptr;  ///< those without a thread
};

}  // namespace libatoll::core
