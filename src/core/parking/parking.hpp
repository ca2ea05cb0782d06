// Putting a thread to sleep and waking it.
//
// Every thread that waits has one Parker: a futex word. unpark() before park() is not lost: the
// next park() returns at once. A wake-up is a hint only ("look again"); what happened is told by
// the Waiter. That makes stale and spurious wake-ups harmless, also those that a nested wait (a
// signal handler that waits, too) takes from the outer one.
//
// Before it sleeps, a thread spins on its word for as long as a sleep and its end would take:
// then it never takes more than twice the time that knowing the future would have taken (Karlin,
// Manasse, McGeoch and Owicki, "Competitive randomized algorithms for nonuniform problems", 1994).
// What it buys is large where CPUs halt when they are idle, above all in virtual machines: there
// waking one takes up to 50 us, and two threads that answer each other at once keep both awake. A
// thread that spun in vain goes to sleep at once the next time, the next 2, 4, ... 64 times, so
// that one which waits for long pays next to nothing. benchmarks/cpp/core_bench.cpp and
// docs/performance.md have the figures.
//
// Parkers are never freed, only reused by later threads. A waker may therefore call unpark() after
// the sleeper has seen its result and has ended.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/deadline.hpp"
#include "core/base/status.hpp"

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

  /// Waits for unpark(), interrupt(), a signal or the deadline; may return without any of them.
  /// Owner only.
  Wakeup park(Deadline deadline) noexcept;

  /// Any thread.
  void unpark() noexcept { post(notified_); }

  /// Makes the current wait of this thread, or if there is none its next one, come back with
  /// Status::interrupted once. Any thread; async-signal-safe.
  ///
  /// A signal that arrives between the caller's last look at its flags and the system call does not
  /// end the sleep by itself. Whoever must learn of it at once (Ctrl-C) calls this from the
  /// handler.
  void interrupt() noexcept { post(interrupt_); }

  /// From now on each wait of this thread comes back as interrupted once after a millisecond, so
  /// that a signal which came just before the sleep, and could not end it, is late and not lost.
  /// For the thread in which Python-level signal handlers run. Owner only.
  void heed_signals() noexcept { heeds_signals_ = true; }
  /// Before the first park() of a wait. Owner only.
  void begin_wait() noexcept { has_napped_ = false; }

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
  [[nodiscard]] bool is_posted() const noexcept {
    return word_.load(std::memory_order_relaxed) != 0;
  }
  void spin(Deadline deadline) noexcept;
  void start_anew() noexcept;

  std::atomic<std::uint32_t> word_{0};
  bool heeds_signals_ = false;
  bool has_napped_ = false;
  std::uint32_t sleeps_ = 0;       ///< so many waits sleep at once, before one spins again
  std::uint32_t next_sleeps_ = 1;  ///< after the next spin in vain
  std::atomic<InterpreterId> interpreter_{idle_};
  Parker* next_all_ = nullptr;   ///< all parkers ever made
  Parker* next_free_ = nullptr;  ///< those without a thread
};

}  // namespace libatoll::core
