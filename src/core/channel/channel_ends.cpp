#include "core/channel/channel_ends.hpp"

#include <new>
#include <utility>

#include "core/parking/lock.hpp"

namespace libatoll::core {

namespace {

constinit std::atomic<std::uint64_t> last_number{0};

/// Guards the list of open references that belong to interpreters.
constinit Lock refs_lock;
constinit EndRef* first_ref = nullptr;

}  // namespace

ChannelEnds::ChannelEnds(Handle<Channel> channel, Handle<Timer> timer) noexcept
    : channel_(std::move(channel)),
      timer_(std::move(timer)),
      number_(last_number.fetch_add(1, std::memory_order_relaxed) + 1) {}

Handle<ChannelEnds> ChannelEnds::of_channel(std::size_t capacity) noexcept {
  auto channel = Handle<Channel>::adopt(new (std::nothrow) Channel(capacity));
  if (!channel) return {};
  return Handle<ChannelEnds>::adopt(new (std::nothrow) ChannelEnds(std::move(channel), {}));
}

Handle<ChannelEnds> ChannelEnds::of_timer(Handle<Timer> timer) noexcept {
  if (!timer) return {};
  return Handle<ChannelEnds>::adopt(new (std::nothrow) ChannelEnds({}, std::move(timer)));
}

void ChannelEnds::drop(End end) noexcept {
  if (count_of(end).fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (timer_) {
    timer_->stop();
  } else {
    channel_->close(end == End::sending ? Channel::Close::sending : Channel::Close::now);
  }
}

std::unique_ptr<EndRef> EndRef::make(Handle<ChannelEnds> ends, End end,
                                     InterpreterId interpreter) noexcept {
  return std::unique_ptr<EndRef>(new (std::nothrow) EndRef(std::move(ends), end, interpreter));
}

EndRef::EndRef(Handle<ChannelEnds> ends, End end, InterpreterId interpreter) noexcept
    : ends_(std::move(ends)), end_(end), interpreter_(interpreter) {
  ends_->count_of(end_).fetch_add(1, std::memory_order_relaxed);
  if (interpreter_ == no_interpreter) return;
  const LockGuard guard(refs_lock);
  next_ = first_ref;
  if (next_) next_->previous_ = this;
  first_ref = this;
}

void EndRef::close() noexcept {
  if (!is_open_.exchange(false, std::memory_order_acq_rel)) return;
  if (interpreter_ != no_interpreter) {
    const LockGuard guard(refs_lock);
    (previous_ ? previous_->next_ : first_ref) = next_;
    if (next_) next_->previous_ = previous_;
  }
  ends_->drop(end_);
}

void EndRef::interpreter_gone(InterpreterId id) noexcept {
  // Nobody destroys these references any more: the objects that would are out of reach.
  for (;;) {
    EndRef* left = nullptr;
    {
      const LockGuard guard(refs_lock);
      left = first_ref;
      while (left && left->interpreter_ != id) left = left->next_;
    }
    if (!left) return;
    left->close();
  }
}

Handle<EndInTransit> EndInTransit::make(const EndRef& from) noexcept {
  auto ref = EndRef::make(from.ends(), from.end());
  if (!ref) return {};
  return Handle<EndInTransit>::adopt(new (std::nothrow) EndInTransit(std::move(ref)));
}

}  // namespace libatoll::core
