// Channels: items from any number of senders to any number of receivers, first in, first out.
//
// A channel of capacity 0 has no room: a send is complete when the item has been received. With
// room for n, or without limit, a send is complete when the item is in the buffer, or, if the
// sender says so (`until_received`, PEP 554's blocking send), when it has been received; until then
// the sender takes it back if it cancels.
//
// Items of one sender arrive in the order in which it sent them. Waiting receivers are served in
// the order in which they came, and so are waiting senders; an item for a receiver that waits goes
// to it directly. All methods may be called from any thread, with or without a GIL: blocking ones
// (`send`, `receive`) should be called without.
//
// The invariants of Go's chan.go, here with "can be claimed" added:
//   - no receiver waits while an item is there, and no sender while there is room;
//   - for a capacity of 0, one of the two lists of waiters is empty.
// An exception on both: operations of one and the same select never meet each other.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

#include "core/base/object.hpp"
#include "core/channel/item.hpp"
#include "core/channel/item_buffer.hpp"
#include "core/parking/lock.hpp"
#include "core/wait/operation.hpp"
#include "core/wait/select.hpp"
#include "core/wait/waiter.hpp"

namespace libatoll::core {

class Channel;

/// A send as an operation, for select() and event loops.
class Send final : public Operation {
 public:
  explicit Send(Channel& channel, Item item, bool until_received = false) noexcept
      : channel_(channel), item_(std::move(item)), until_received_(until_received) {}
  /// Not while enqueued.
  ~Send() = default;

  [[nodiscard]] Status try_() noexcept override;
  [[nodiscard]] Enqueued enqueue(Waiter& waiter) noexcept override;
  void abandon() noexcept override;

  /// What was not sent; empty after Status::ok.
  [[nodiscard]] Item& item() noexcept { return item_; }

 private:
  friend class Channel;
  Channel& channel_;
  Item item_;
  const bool until_received_;
  ItemBuffer::Slot* slot_ = nullptr;  ///< where the item is while its reception is awaited
};

/// A reception as an operation.
class Receive final : public Operation {
 public:
  /// Where it stands in line, should it have to wait. At the front: whoever came last is served
  /// first, which is meant for threads that wait for work. The one that was busy last has warm
  /// caches and may not even sleep yet (parking.hpp), and those that are not needed stay asleep.
  enum class Line : std::uint8_t { back, front };

  explicit Receive(Channel& channel, Line line = Line::back) noexcept
      : channel_(channel), line_(line) {}
  /// Not while enqueued.
  ~Receive() = default;

  [[nodiscard]] Status try_() noexcept override;
  [[nodiscard]] Enqueued enqueue(Waiter& waiter) noexcept override;
  void abandon() noexcept override;

  /// What was received, after Status::ok.
  [[nodiscard]] Item& item() noexcept { return item_; }

 private:
  friend class Channel;
  Channel& channel_;
  Item item_;
  const Line line_;
};

class Channel : public Object {
 public:
  static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

  explicit Channel(std::size_t capacity) noexcept : capacity_(capacity) {}

  // --- without waiting -------------------------------------------------------------------------

  /// ok: `item` was moved away. pending (no room, no receiver), closed, destroyed, no_memory: it
  /// was not touched. `until_received`: only if a receiver waits right now.
  [[nodiscard]] Status try_send(Item& item, bool until_received = false) noexcept;

  /// What `item` held is dropped in any case. ok: it holds what was received. pending (empty),
  /// closed (and nothing left to receive), destroyed.
  [[nodiscard]] Status try_receive(Item& item) noexcept;

  // --- waiting ---------------------------------------------------------------------------------
  // Also: timed_out, interrupted (call again with the same deadline), interpreter_closed. In all of
  // these nothing was sent (`item` is as before) and nothing received.

  [[nodiscard]] Status send(Item& item, const WaitOptions& options = {},
                            bool until_received = false) noexcept;
  [[nodiscard]] Status receive(Item& item, const WaitOptions& options = {}) noexcept;

  /// Puts an item that was received for somebody who is no longer there (a cancelled future) back
  /// in front, beyond the capacity if need be. If the channel is closed meanwhile, the item is
  /// dropped.
  void put_back(Item&& item) noexcept;

  // --- closing ---------------------------------------------------------------------------------

  enum class Close : std::uint8_t {
    sending,   ///< no more sends; what is there can be received; with the last item all is closed
    if_empty,  ///< both ends, but not_empty if there are items
    now,       ///< both ends; items are dropped
  };
  /// ok, not_empty, closed (it was, already), destroyed. Blocked senders wake with `closed` and
  /// keep their items (those that await reception go on waiting under Close::sending), blocked
  /// receivers wake with `closed`.
  Status close(Close how) noexcept;

  /// As Close::now, but everybody gets `destroyed`, for ever.
  void destroy_for_all() noexcept;

  /// Applies the policy of each item that `id` sent. Looks at every item under the lock, but only
  /// if an item with a policy was ever sent.
  void interpreter_gone(InterpreterId id) noexcept;

  // --- looking ---------------------------------------------------------------------------------

  enum class State : std::uint8_t {
    open,
    closing,  ///< closed for sending, items left (internally also: none left)
    closed,
    destroyed,
  };
  [[nodiscard]] State state() const noexcept {
    const State state = state_.load(std::memory_order_acquire);
    return state == State::closing && count() == 0 ? State::closed : state;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Items in the buffer, unbound ones and those whose reception is awaited included. Exact.
  [[nodiscard]] std::size_t count() const noexcept {
    return count_.load(std::memory_order_acquire);
  }
  [[nodiscard]] bool is_full() const noexcept { return count() >= capacity_; }
  /// Blocked parties, asyncio ones included.
  [[nodiscard]] std::size_t waiting_receivers() const noexcept;
  [[nodiscard]] std::size_t waiting_senders() const noexcept;

 protected:
  ~Channel() override = default;

 private:
  friend class Send;
  friend class Receive;
  class Section;
  class Self;

  // All with the lock held. Statuses beside the public ones: see channel_section.hpp.
  Status offer(Section& section, Self& self, Item& item, bool until_received) noexcept;
  Status take(Section& section, Self& self, Item& item) noexcept;
  Status take_first(Section& section, Self& self, Item& item) noexcept;
  Status take_awaited(Section& section, Self& self, Item& item) noexcept;
  Status take_from_sender(Section& section, Self& self, Item& item) noexcept;
  bool admit_senders(Section& section) noexcept;
  void give_back(ItemBuffer::Slot& slot) noexcept;
  void end(Section& section, State state, ItemBuffer& dropped) noexcept;
  void settle_closing(Section& section) noexcept;
  template <class Party>
  void wake_all(Section& section, OperationList& list, Status status) noexcept;
  [[nodiscard]] State current() const noexcept { return state_.load(std::memory_order_relaxed); }
  [[nodiscard]] Status ended_status() const noexcept {
    return current() == State::destroyed ? Status::destroyed : Status::closed;
  }
  void add_to_count(std::ptrdiff_t difference) noexcept {
    // Written under the lock only: no read-modify-write needed.
    count_.store(count_.load(std::memory_order_relaxed) + static_cast<std::size_t>(difference),
                 std::memory_order_release);
  }

  mutable Lock lock_;
  std::atomic<State> state_{State::open};
  bool has_policies_ = false;  ///< did any item ever come with a policy other than keep?
  std::atomic<std::size_t> count_{0};
  const std::size_t capacity_;
  ItemBuffer buffer_;
  OperationList receivers_;
  OperationList senders_;
  std::size_t awaiting_reception_ = 0;  ///< slots with a sender
};

}  // namespace libatoll::core
