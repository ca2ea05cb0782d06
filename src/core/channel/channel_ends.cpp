#include "core/channel/channel_ends.hpp"

#include <new>
#include <utility>

#include "core/parking/lock.hpp"

namespace libatoll::core {

namespace {

constinit std::atomic<std::uint64_t> last_number{0};

/// Guards the list of open references that belong to interpreters.
constinit Lock refs_lock;
constinit IntrusiveList<EndRef> open_refs;

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
  open_refs.add(*this);
}

void EndRef::close() noexcept {
  if (!is_open_.exchange(false, std::memory_order_acq_rel)) return;
  if (interpreter_ != no_interpreter) {
    const LockGuard guard(refs_lock);
    open_refs.remove(*this);
  }
  ends_->drop(end_);
  const LockGuard guard(uses_lock_);
  for (Use* use = uses_.first(); use; use = uses_.next(*use)) use->token_->cancel();
}

void EndRef::interpreter_gone(InterpreterId id) noexcept {
  // Nobody destroys these references any more: the objects that would are out of reach.
  for (;;) {
    EndRef* left = nullptr;
    {
      const LockGuard guard(refs_lock);
      left = open_refs.first();
      while (left && left->interpreter_ != id) left = left->next_;
    }
    if (!left) return;
    left->close();
  }
}

void EndRef::Use::begin(const EndRef& end, CancelToken& token) noexcept {
  end_ = &end;
  token_ = &token;
  const LockGuard guard(end_->uses_lock_);
  end_->uses_.add(*this);
  // Either we see that it is closed, or close() sees us.
  if (!end_->is_open()) token_->cancel();
}

EndRef::Use::~Use() {
  if (!end_) return;
  const LockGuard guard(end_->uses_lock_);
  end_->uses_.remove(*this);
}

Handle<EndInTransit> EndInTransit::make(const EndRef& from) noexcept {
  auto ref = EndRef::make(from.ends(), from.end());
  if (!ref) return {};
  return Handle<EndInTransit>::adopt(new (std::nothrow) EndInTransit(std::move(ref)));
}

}  // namespace libatoll::core
