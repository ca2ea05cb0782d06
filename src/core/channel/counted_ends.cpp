#include "core/channel/counted_ends.hpp"

#include <new>
#include <utility>

#include "core/parking/lock.hpp"

namespace libatoll::core {

namespace {

constinit std::atomic<std::uint64_t> last_number{0};

/// Guards the list of open shares that belong to interpreters.
constinit Lock shares_lock;
constinit EndShare* first_share = nullptr;

}  // namespace

CountedEnds::CountedEnds(Handle<Channel> channel, Handle<Timer> timer) noexcept
    : channel_(std::move(channel)),
      timer_(std::move(timer)),
      number_(last_number.fetch_add(1, std::memory_order_relaxed) + 1) {}

Handle<CountedEnds> CountedEnds::of_channel(std::size_t capacity) noexcept {
  auto channel = Handle<Channel>::adopt(new (std::nothrow) Channel(capacity));
  if (!channel) return {};
  return Handle<CountedEnds>::adopt(new (std::nothrow) CountedEnds(std::move(channel), {}));
}

Handle<CountedEnds> CountedEnds::of_timer(Handle<Timer> timer) noexcept {
  if (!timer) return {};
  return Handle<CountedEnds>::adopt(new (std::nothrow) CountedEnds({}, std::move(timer)));
}

void CountedEnds::drop(End end) noexcept {
  if (count_of(end).fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (timer_) {
    timer_->stop();
  } else {
    channel_->close(end == End::sending ? Channel::Close::sending : Channel::Close::now);
  }
}

std::unique_ptr<EndShare> EndShare::make(Handle<CountedEnds> ends, End end,
                                         InterpreterId interpreter) noexcept {
  return std::unique_ptr<EndShare>(new (std::nothrow) EndShare(std::move(ends), end, interpreter));
}

EndShare::EndShare(Handle<CountedEnds> ends, End end, InterpreterId interpreter) noexcept
    : ends_(std::move(ends)), end_(end), interpreter_(interpreter) {
  ends_->count_of(end_).fetch_add(1, std::memory_order_relaxed);
  if (interpreter_ == no_interpreter) return;
  const LockGuard guard(shares_lock);
  next_ = first_share;
  if (next_) next_->previous_ = this;
  first_share = this;
}

void EndShare::close() noexcept {
  if (!is_open_.exchange(false, std::memory_order_acq_rel)) return;
  if (interpreter_ != no_interpreter) {
    const LockGuard guard(shares_lock);
    (previous_ ? previous_->next_ : first_share) = next_;
    if (next_) next_->previous_ = previous_;
  }
  ends_->drop(end_);
}

void EndShare::interpreter_gone(InterpreterId id) noexcept {
  // Nobody destroys these shares any more: the objects that would are out of reach.
  for (;;) {
    EndShare* left = nullptr;
    {
      const LockGuard guard(shares_lock);
      left = first_share;
      while (left && left->interpreter_ != id) left = left->next_;
    }
    if (!left) return;
    left->close();
  }
}

Handle<EndInTransit> EndInTransit::make(const EndShare& from) noexcept {
  auto share = EndShare::make(from.ends(), from.end());
  if (!share) return {};
  return Handle<EndInTransit>::adopt(new (std::nothrow) EndInTransit(std::move(share)));
}

}  // namespace libatoll::core
