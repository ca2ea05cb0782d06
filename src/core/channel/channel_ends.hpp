// Channels, and timers, whose ends are counted: with the last holder of an end the end is closed.
//
// Every Sender and Receiver, in whatever interpreter, and every message that carries one, has a
// reference to its end. The first ones are made from the ends themselves, all others from one
// that is open; so a count that has come down to 0 stays there.
//
//   auto ends = ChannelEnds::of_channel(0);
//   auto sender = EndRef::make(ends, End::sending, interpreter);
//   auto another = EndRef::make(sender->ends(), End::sending, no_interpreter);
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/base/in_turn.hpp"
#include "core/base/intrusive_list.hpp"
#include "core/base/object.hpp"
#include "core/base/status.hpp"
#include "core/channel/channel.hpp"
#include "core/channel/end.hpp"
#include "core/channel/timer.hpp"
#include "core/parking/cancel_token.hpp"
#include "core/parking/lock.hpp"

namespace libatoll::core {

/// A channel with both ends, or a timer, which has a receiving end only.
class ChannelEnds final : public Object {
 public:
  /// Empty without memory.
  [[nodiscard]] static Handle<ChannelEnds> of_channel(std::size_t capacity) noexcept;
  [[nodiscard]] static Handle<ChannelEnds> of_timer(Handle<Timer> timer) noexcept;

  /// One of the two is null.
  [[nodiscard]] Channel* channel() const noexcept { return channel_.get(); }
  [[nodiscard]] Timer* timer() const noexcept { return timer_.get(); }
  /// Tells it from all others of the process, for people.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  friend class EndRef;

  ChannelEnds(Handle<Channel> channel, Handle<Timer> timer) noexcept;
  ~ChannelEnds() override = default;

  [[nodiscard]] std::atomic<std::uint64_t>& count_of(End end) noexcept {
    return end == End::sending ? senders_ : receivers_;
  }
  void drop(End end) noexcept;

  const Handle<Channel> channel_;
  const Handle<Timer> timer_;
  const std::uint64_t number_;
  std::atomic<std::uint64_t> senders_{0};
  std::atomic<std::uint64_t> receivers_{0};
};

/// One holder's reference to an end; open until close() or its own end. Any thread.
class EndRef {
 public:
  /// Null without memory. References of an interpreter are closed, at the latest, when that is
  /// gone.
  [[nodiscard]] static std::unique_ptr<EndRef> make(
      Handle<ChannelEnds> ends, End end, InterpreterId interpreter = no_interpreter) noexcept;
  EndRef(const EndRef&) = delete;
  EndRef& operator=(const EndRef&) = delete;
  ~EndRef() { close(); }

  [[nodiscard]] const Handle<ChannelEnds>& ends() const noexcept { return ends_; }
  [[nodiscard]] End end() const noexcept { return end_; }
  [[nodiscard]] bool is_open() const noexcept { return is_open_.load(std::memory_order_acquire); }

  /// Without the last reference to the sending end receivers get what is there, then `closed`.
  /// Without that of the receiving end senders get `closed`, and what is there is dropped. Cancels
  /// the waits that go through this reference.
  void close() noexcept;

  /// Stands for a thread's wait through a reference. It is cancelled at once if that is closed.
  class Use {
   public:
    Use() noexcept = default;
    Use(const EndRef& end, CancelToken& token) noexcept { begin(end, token); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();

    /// Once. Both outlive it.
    void begin(const EndRef& end, CancelToken& token) noexcept;

   private:
    friend class EndRef;
    friend class IntrusiveList<Use>;

    const EndRef* end_ = nullptr;
    CancelToken* token_ = nullptr;
    Use* next_ = nullptr;
    Use* previous_ = nullptr;
  };

  /// Closes what an interpreter has left behind. After its objects are gone.
  static void interpreter_gone(InterpreterId id) noexcept;

 private:
  friend class IntrusiveList<EndRef>;

  EndRef(Handle<ChannelEnds> ends, End end, InterpreterId interpreter) noexcept;

  const Handle<ChannelEnds> ends_;
  const End end_;
  const InterpreterId interpreter_;
  std::atomic<bool> is_open_{true};
  mutable Lock uses_lock_;
  mutable IntrusiveList<Use> uses_;  ///< guarded by uses_lock_
  EndRef* next_ = nullptr;           ///< in the list of open references that belong to interpreters
  EndRef* previous_ = nullptr;
};

/// A reference that belongs to a message, and to no interpreter. Freed with the message, by any
/// thread.
class EndInTransit final : public DestroyedInTurn {
 public:
  /// Of `from`, which is open. Empty without memory.
  [[nodiscard]] static Handle<EndInTransit> make(const EndRef& from) noexcept;
  [[nodiscard]] const EndRef& ref() const noexcept { return *ref_; }

 private:
  explicit EndInTransit(std::unique_ptr<EndRef> ref) noexcept : ref_(std::move(ref)) {}
  ~EndInTransit() override = default;

  const std::unique_ptr<EndRef> ref_;
};

}  // namespace libatoll::core
