#include "core/channel/timer.hpp"

#include <algorithm>
#include <new>

#include "core/wait/waiter.hpp"

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
    if (next == over_) return Status::closed;
    if (!Deadline::at(next).is_over()) return Status::pending;
    std::int64_t following = over_;
    if (period_ != 0) following = next + period_ * (1 + (monotonic_now() - next) / period_);
    if (next_.compare_exchange_weak(next, following, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      due = Deadline::at(next);
      if (following == over_) notify_all();
      return Status::ok;
    }
  }
}

bool Timer::stop() noexcept {
  if (next_.exchange(over_, std::memory_order_acq_rel) == over_) return false;
  notify_all();
  return true;
}

/// After next_ was set to over_: whoever enqueues later sees that.
void Timer::notify_all() noexcept {
  WakeList wake;
  {
    const LockGuard guard(lock_);
    while (Operation* operation = waiting_.front()) {
      auto& tick = static_cast<Tick&>(*operation);
      waiting_.remove(tick);
      if (!tick.waiter_->claim(tick)) continue;
      tick.status_ = Status::closed;
      wake.add(tick);
    }
  }
  wake.complete_all();
}

Status Tick::try_() noexcept {
  return status_ = timer_.try_receive(due_);
}

Enqueued Tick::enqueue(Waiter& waiter) noexcept {
  {
    const LockGuard guard(timer_.lock_);
    if (!timer_.is_over() && !timer_.next().is_over()) {
      waiter_ = &waiter;
      status_ = Status::pending;
      timer_.waiting_.push_back(*this);
      return Enqueued::waiting;
    }
  }
  if (!waiter.claim(*this)) return Enqueued::lost;
  return try_() == Status::pending ? Enqueued::retry : Enqueued::done;
}

void Tick::abandon() noexcept {
  if (!waiter_) return;
  const LockGuard guard(timer_.lock_);
  if (timer_.waiting_.contains(*this)) timer_.waiting_.remove(*this);
  waiter_ = nullptr;
}

}  // namespace libatoll::core
