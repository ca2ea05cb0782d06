// Timers as something to receive from: once, or again and again.
//
// There is no thread behind them, and no list: a timer is a point in time, and whoever waits for it
// sleeps no longer than until then (Operation::deadline). This is crossbeam-channel's at.rs and
// tick.rs. Each expiry is received once, by whichever waiting party is first to try.
//
//   auto timeout = Timer::after(1.5);
//   Tick tick(*timeout);
//   Operation* cases[] = {&receive, &tick};
#pragma once

#include <atomic>
#include <cstdint>

#include "core/deadline.hpp"
#include "core/object.hpp"
#include "core/operation.hpp"

namespace libatoll::core {

class Timer final : public Object {
 public:
  /// Expires once, `seconds` from now (not positive: now; infinite: never). Empty without memory.
  [[nodiscard]] static Handle<Timer> after(double seconds) noexcept;
  /// Expires every `seconds`, first in that time. Keeps to its schedule: expiries that nobody
  /// received in time are dropped, not caught up on. `seconds` under a microsecond count as one.
  [[nodiscard]] static Handle<Timer> ticker(double seconds) noexcept;

  /// ok: an expiry was received, and `due` is when it was meant to be. pending otherwise.
  [[nodiscard]] Status try_receive(Deadline& due) noexcept;
  /// The next expiry; never, if there is none to come.
  [[nodiscard]] Deadline next() const noexcept {
    return Deadline::at(next_.load(std::memory_order_acquire));
  }
  /// No expiry any more. True if there would have been one.
  bool stop() noexcept;

 private:
  Timer(Deadline first, std::int64_t period) noexcept
      : next_(first.nanoseconds()), period_(period) {}
  ~Timer() override = default;

  std::atomic<std::int64_t> next_;  ///< nanoseconds, as in Deadline
  const std::int64_t period_;       ///< nanoseconds; 0: once
};

/// The reception of an expiry as an operation.
class Tick final : public Operation {
 public:
  explicit Tick(Timer& timer) noexcept : timer_(timer) {}
  ~Tick() = default;

  [[nodiscard]] Status try_() noexcept override;
  [[nodiscard]] Enqueued enqueue(Waiter& waiter) noexcept override;
  void abandon() noexcept override {}
  [[nodiscard]] Deadline deadline() const noexcept override { return timer_.next(); }

  /// After Status::ok: when the expiry was meant to be.
  [[nodiscard]] Deadline due() const noexcept { return due_; }

 private:
  Timer& timer_;
  Deadline due_;
};

}  // namespace libatoll::core
