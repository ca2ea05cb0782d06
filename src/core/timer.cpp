#include "core/timer.hpp"

#include <algorithm>
#include <new>

#include "core/waiter.hpp"

namespace libatoll::core {

Handle<Timer> Timer::after(double seconds) noexcept {
  return Handle<Timer>::adopt(new (std::nothrow) Timer(Deadline::after(seconds), 0));
}

Handle<Timer> Timer::ticker(double seconds) noexcept {
  const Deadline first = Deadline::after(std::max(seconds, 1e-6));
  const std::int64_t period =
      first.is_never() ? 0 : std::max<std::int64_t>(static_cast<std::int64_t>(seconds * 1e9), 1000);
  return Handle<Timer>::adopt(new (std::nothrow) Timer(first, period));
}

Status Timer::try_receive(Deadline& due) noexcept {
  std::int64_t next = next_.load(std::memory_order_acquire);
  for (;;) {
    if (!Deadline::at(next).is_over()) return Status::pending;
    std::int64_t following = Deadline::never().nanoseconds();
    if (period_ != 0) following = next + period_ * (1 + (monotonic_now() - next) / period_);
    if (next_.compare_exchange_weak(next, following, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      due = Deadline::at(next);
      return Status::ok;
    }
  }
}

bool Timer::stop() noexcept {
  const std::int64_t never = Deadline::never().nanoseconds();
  return next_.exchange(never, std::memory_order_acq_rel) != never;
}

Status Tick::try_() noexcept {
  return status_ = timer_.try_receive(due_);
}

Enqueued Tick::enqueue(Waiter& waiter) noexcept {
  if (!timer_.next().is_over()) return Enqueued::waiting;
  if (!waiter.claim(*this)) return Enqueued::lost;
  return try_() == Status::ok ? Enqueued::done : Enqueued::retry;
}

}  // namespace libatoll::core
