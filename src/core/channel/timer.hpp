// Timers as something to receive from: once, or again and again.
//
// There is no thread behind them, and no list: a timer is a point in time, and whoever waits for it
// sleeps no longer than until then (Operation::deadline). This is crossbeam-channel's at.rs and
// tick.rs. Each expiry is received once, by whichever waiting party is first to try. A timer is
// over when its only expiry was received, or when it was stopped: who waits for it then is told so.
//
//   auto timeout = Timer::after(1.5);
//   Tick tick(*timeout);
//   Operation* cases[] = {&receive, &tick};
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/deadline.hpp"
#include "core/base/object.hpp"
#include "core/parking/lock.hpp"
#include "core/wait/operation.hpp"

namespace libatoll::core {

class Timer final : public Object {
 public:
  /// Expires once, `seconds` from now (not positive: now; infinite: never). Empty without memory.
  [[nodiscard]] static Handle<Timer> after(double seconds) noexcept;
  /// Expires every `seconds`, first in that time. Keeps to its schedule: expiries that nobody
  /// received in time are dropped, not caught up on. `seconds` under a microsecond count as one.
  [[nodiscard]] static Handle<Timer> ticker(double seconds) noexcept;

  /// ok: an expiry was received, and `due` is when it was meant to be. pending: not due. closed: it
  /// is over.
  [[nodiscard]] Status try_receive(Deadline& due) noexcept;
  /// The next expiry; never, if there is none to come.
  [[nodiscard]] Deadline next() const noexcept {
    const std::int64_t next = next_.load(std::memory_order_acquire);
    return next == over_ ? Deadline::never() : Deadline::at(next);
  }
  [[nodiscard]] bool is_over() const noexcept {
    return next_.load(std::memory_order_acquire) == over_;
  }
  /// No expiry any more; who waits gets `closed`. False: it was over already.
  bool stop() noexcept;

 private:
  friend class Tick;
  static constexpr std::int64_t over_ = Deadline::never().nanoseconds() - 1;

  Timer(Deadline first, std::int64_t period) noexcept
      : next_(first.nanoseconds()), period_(period) {}
  ~Timer() override = default;

  void notify_all() noexcept;

  std::atomic<std::int64_t> next_;  ///< nanoseconds, as in Deadline; over_
  const std::int64_t period_;       ///< nanoseconds; 0: once
  Lock lock_;
  OperationList waiting_;  ///< guarded by lock_
};

/// The reception of an expiry as an operation.
class Tick final : public Operation {
 public:
  explicit Tick(Timer& timer) noexcept : timer_(timer) {}
  ~Tick() = default;

  [[nodiscard]] Status try_() noexcept override;
  [[nodiscard]] Enqueued enqueue(Waiter& waiter) noexcept override;
  void abandon() noexcept override;
  [[nodiscard]] Deadline deadline() const noexcept override { return timer_.next(); }

  /// After Status::ok: when the expiry was meant to be.
  [[nodiscard]] Deadline due() const noexcept { return due_; }

 private:
  friend class Timer;
  Timer& timer_;
  Deadline due_;
};

}  // namespace libatoll::core
