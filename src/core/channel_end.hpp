// The ends of a CSP channel: counted, so that a channel knows when nobody is there any more.
//
// An end is one party's hold on one side of a channel. Clones are ends of their own. With the last
// sending end the channel is closed for sending: what is there can be received, then receivers get
// Status::closed. With the last receiving end it is closed altogether: items are dropped, and
// senders get Status::closed. An end on its way between interpreters is an attachment of its
// message, so one that never arrives counts no longer.
//
//   auto [sender, receiver] = make_channel(8);
//   Send send(sender->channel(), std::move(item));
//   Handle<SendEnd> other = sender->clone();
//   sender->close();                                  // `other` keeps the channel open
#pragma once

#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

#include "core/association.hpp"  // End
#include "core/channel.hpp"
#include "core/object.hpp"

namespace libatoll::core {

/// A channel that closes with its ends.
class EndedChannel final : public Channel {
 public:
  explicit EndedChannel(std::size_t capacity) noexcept : Channel(capacity) {}

  /// Ends that are open, those on their way included.
  [[nodiscard]] std::size_t open_ends(End which) const noexcept {
    return count_of(which).load(std::memory_order_relaxed);
  }

 private:
  template <End which>
  friend class ChannelEnd;
  ~EndedChannel() override = default;

  void add(End which) noexcept { count_of(which).fetch_add(1, std::memory_order_relaxed); }
  void remove(End which) noexcept {
    if (count_of(which).fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    close(which == End::sending ? Close::sending : Close::now);
  }
  [[nodiscard]] std::atomic<std::size_t>& count_of(End which) noexcept {
    return which == End::sending ? senders_ : receivers_;
  }
  [[nodiscard]] const std::atomic<std::size_t>& count_of(End which) const noexcept {
    return which == End::sending ? senders_ : receivers_;
  }

  std::atomic<std::size_t> senders_{0};
  std::atomic<std::size_t> receivers_{0};
};

/// One end. Thread-safe.
template <End which>
class ChannelEnd final : public Object {
 public:
  /// The first end of its kind; others come from clone(). Empty without memory.
  [[nodiscard]] static Handle<ChannelEnd> make(Handle<EndedChannel> channel) noexcept {
    return Handle<ChannelEnd>::adopt(new (std::nothrow) ChannelEnd(std::move(channel)));
  }

  /// Empty if this one is closed, or without memory (then is_closed() is false).
  [[nodiscard]] Handle<ChannelEnd> clone() const noexcept {
    auto end = make(channel_);
    // Counted by now: the channel can no longer end under the new one if this one is still open.
    if (end && is_closed()) return {};
    return end;
  }

  /// False if it was closed already.
  bool close() noexcept {
    if (is_closed_.exchange(true, std::memory_order_acq_rel)) return false;
    channel_->remove(which);
    return true;
  }
  [[nodiscard]] bool is_closed() const noexcept {
    return is_closed_.load(std::memory_order_acquire);
  }

  /// For as long as the end lives, closed or not.
  [[nodiscard]] EndedChannel& channel() const noexcept { return *channel_; }

 private:
  explicit ChannelEnd(Handle<EndedChannel> channel) noexcept : channel_(std::move(channel)) {
    channel_->add(which);
  }
  ~ChannelEnd() override { close(); }

  const Handle<EndedChannel> channel_;
  std::atomic<bool> is_closed_{false};
};

using SendEnd = ChannelEnd<End::sending>;
using ReceiveEnd = ChannelEnd<End::receiving>;

struct Ends {
  Handle<SendEnd> sender;
  Handle<ReceiveEnd> receiver;
};

/// Both empty without memory.
[[nodiscard]] inline Ends make_channel(std::size_t capacity) noexcept {
  auto channel = Handle<EndedChannel>::adopt(new (std::nothrow) EndedChannel(capacity));
  if (!channel) return {};
  Ends ends{SendEnd::make(channel), ReceiveEnd::make(channel)};
  if (!ends.sender || !ends.receiver) return {};
  return ends;
}

}  // namespace libatoll::core
