#include "core/channel/channel.hpp"

#include <memory>
#include <utility>

#include "core/channel/section.hpp"

namespace libatoll::core {

using channel_detail::lost;
using channel_detail::retry;

namespace {

Enqueued to_enqueued(Status status) noexcept {
  switch (status) {
    case lost:
      return Enqueued::lost;
    case retry:
      return Enqueued::retry;
    default:
      return Enqueued::done;
  }
}

}  // namespace

Status Channel::offer(Section& section, Self& self, Item& item, bool until_received) noexcept {
  for (;;) {
    if (current() != State::open) return self.claim() ? ended_status() : lost;

    for (Operation* candidate = receivers_.front(); candidate;) {
      auto& receiver = static_cast<Receive&>(*candidate);
      candidate = OperationList::next(receiver);
      if (self.is(receiver.waiter_)) continue;
      if (!receiver.waiter_->is_claimed()) {
        if (!self.claim()) return lost;
        if (receiver.waiter_->claim(receiver)) {
          receivers_.remove(receiver);
          receiver.item_ = std::move(item);
          receiver.status_ = Status::ok;
          section.complete(receiver);
          return Status::ok;
        }
      }
      receivers_.remove(receiver);  // its owner has other things to do
    }

    if (until_received || !senders_.empty() || is_full()) return self.nothing();
    if (!buffer_.has_room()) {
      if (!section.make_room()) return self.claim() ? Status::no_memory : lost;
      continue;
    }
    if (!self.claim()) return lost;
    has_policies_ |= item.policy != UnboundPolicy::keep;
    buffer_.push_back(std::move(item), nullptr);
    add_to_count(1);
    return Status::ok;
  }
}

Status Channel::take(Section& section, Self& self, Item& item) noexcept {
  for (;;) {
    const Status status = take_first(section, self, item);
    if (senders_.empty()) [[likely]]
      return status;
    const bool was_unlocked = admit_senders(section);
    // Only what was found under one uninterrupted hold of the lock says that there is nothing.
    if (!was_unlocked || (status != Status::pending && status != retry)) return status;
  }
}

Status Channel::take_first(Section& section, Self& self, Item& item) noexcept {
  // The common case: an item that nobody waits for.
  if (ItemBuffer::Slot* slot = buffer_.front(); slot && !slot->sender) {
    if (!self.claim()) return lost;
    item = std::move(slot->item);
    buffer_.pop_front();
    add_to_count(-1);
    return Status::ok;
  }
  Status status = take_awaited(section, self, item);
  if (status == Status::pending) status = take_from_sender(section, self, item);
  if (status != Status::pending) return status;
  const bool is_over = current() == State::closing ? count() == 0 : current() != State::open;
  if (is_over) return self.claim() ? ended_status() : lost;
  return self.nothing();
}

/// From a buffer in which senders wait for the reception of their items.
Status Channel::take_awaited(Section& section, Self& self, Item& item) noexcept {
  Status status = Status::pending;
  ItemBuffer::Cursor cursor(buffer_);
  while (ItemBuffer::Slot* slot = cursor.next()) {
    Send* sender = slot->sender;
    if (sender) {
      if (self.is(sender->waiter_)) continue;
      if (sender->waiter_->is_claimed()) {
        give_back(*slot);
        continue;
      }
    }
    if (!self.claim()) {
      status = lost;
      break;
    }
    if (sender) {
      if (!sender->waiter_->claim(*sender)) {
        give_back(*slot);
        continue;
      }
      sender->slot_ = nullptr;
      sender->status_ = Status::ok;
      section.complete(*sender);
      --awaiting_reception_;
    }
    item = std::move(slot->item);
    slot->is_occupied = false;
    add_to_count(-1);
    status = Status::ok;
    break;
  }
  buffer_.drop_vacant();
  return status;
}

/// Directly from one that waits for room.
Status Channel::take_from_sender(Section& section, Self& self, Item& item) noexcept {
  for (Operation* candidate = senders_.front(); candidate;) {
    auto& sender = static_cast<Send&>(*candidate);
    candidate = OperationList::next(sender);
    if (self.is(sender.waiter_)) continue;
    if (!sender.waiter_->is_claimed()) {
      if (!self.claim()) return lost;
      if (sender.waiter_->claim(sender)) {
        senders_.remove(sender);
        item = std::move(sender.item_);
        sender.status_ = Status::ok;
        section.complete(sender);
        return Status::ok;
      }
    }
    senders_.remove(sender);
  }
  return Status::pending;
}

/// Moves waiting senders' items into the buffer while there is room. True if it had to let go of
/// the lock meanwhile.
bool Channel::admit_senders(Section& section) noexcept {
  bool was_unlocked = false;
  while (!senders_.empty() && !is_full()) {
    if (!buffer_.has_room()) {
      was_unlocked = true;
      // Without memory the senders go on waiting; a receiver that finds the buffer empty takes from
      // them directly.
      if (!section.make_room()) break;
      continue;
    }
    auto& sender = static_cast<Send&>(*senders_.front());
    senders_.remove(sender);
    if (sender.until_received_) {
      if (sender.waiter_->is_claimed()) continue;
      sender.slot_ = buffer_.push_back(std::move(sender.item_), &sender);
      ++awaiting_reception_;
    } else {
      if (!sender.waiter_->claim(sender)) continue;
      buffer_.push_back(std::move(sender.item_), nullptr);
      sender.status_ = Status::ok;
      section.complete(sender);
    }
    add_to_count(1);
  }
  return was_unlocked;
}

/// Returns the item in `slot` to the sender that still owns it. The slot is not dropped yet.
void Channel::give_back(ItemBuffer::Slot& slot) noexcept {
  Send& sender = *slot.sender;
  sender.item_ = std::move(slot.item);
  sender.slot_ = nullptr;
  slot.is_occupied = false;
  --awaiting_reception_;
  add_to_count(-1);
}

// --- operations --------------------------------------------------------------------------------

Status Send::try_() noexcept {
  return status_ = channel_.try_send(item_, until_received_);
}

Enqueued Send::enqueue(Waiter& waiter) noexcept {
  Channel::Section section(channel_);
  Channel::Self self(waiter, *this);
  for (;;) {
    const Status status = channel_.offer(section, self, item_, until_received_);
    if (status != Status::pending) {
      status_ = status;
      return to_enqueued(status);
    }
    const bool has_place = until_received_ && channel_.senders_.empty() && !channel_.is_full();
    if (has_place && !channel_.buffer_.has_room()) {
      if (section.make_room()) continue;
      status_ = Status::no_memory;
      return waiter.claim(*this) ? Enqueued::done : Enqueued::lost;
    }
    waiter_ = &waiter;
    status_ = Status::pending;
    channel_.has_policies_ |= item_.policy != UnboundPolicy::keep;
    if (has_place) {
      slot_ = channel_.buffer_.push_back(std::move(item_), this);
      ++channel_.awaiting_reception_;
      channel_.add_to_count(1);
    } else {
      channel_.senders_.push_back(*this);
    }
    return Enqueued::waiting;
  }
}

void Send::abandon() noexcept {
  if (!waiter_) return;
  Channel::Section section(channel_);
  if (channel_.senders_.contains(*this)) channel_.senders_.remove(*this);
  if (slot_) {
    channel_.give_back(*slot_);
    channel_.buffer_.drop_vacant();
    channel_.admit_senders(section);
    channel_.settle_closing(section);
  }
  waiter_ = nullptr;
}

Status Receive::try_() noexcept {
  return status_ = channel_.try_receive(item_);
}

Enqueued Receive::enqueue(Waiter& waiter) noexcept {
  item_.message.reset();
  Channel::Section section(channel_);
  Channel::Self self(waiter, *this);
  const Status status = channel_.take(section, self, item_);
  status_ = status;
  if (status != Status::pending) return to_enqueued(status);
  waiter_ = &waiter;
  if (line_ == Line::front) {
    channel_.receivers_.push_front(*this);
  } else {
    channel_.receivers_.push_back(*this);
  }
  return Enqueued::waiting;
}

void Receive::abandon() noexcept {
  if (!waiter_) return;
  Channel::Section section(channel_);
  if (channel_.receivers_.contains(*this)) channel_.receivers_.remove(*this);
  waiter_ = nullptr;
}

// --- the channel -------------------------------------------------------------------------------

Status Channel::try_send(Item& item, bool until_received) noexcept {
  lock_.lock();
  // Nobody waits and there is room, in this block: no more to do than this.
  if (current() == State::open && receivers_.empty() && senders_.empty() && !until_received &&
      buffer_.has_near_room() && !is_full()) [[likely]] {
    has_policies_ |= item.policy != UnboundPolicy::keep;
    buffer_.push_back(std::move(item), nullptr);
    add_to_count(1);
    lock_.unlock();
    return Status::ok;
  }
  Section section(*this, std::adopt_lock);
  Self self;
  return offer(section, self, item, until_received);
}

Status Channel::try_receive(Item& item) noexcept {
  item.message.reset();  // now, without the lock
  lock_.lock();
  if (ItemBuffer::Slot* slot = buffer_.front(); slot && !slot->sender && senders_.empty())
      [[likely]] {
    // An assignment would look once more for something to drop.
    std::construct_at(&item, std::move(slot->item));
    add_to_count(-1);
    if (buffer_.pop_near_front()) [[likely]] {
      lock_.unlock();
    } else {
      const Section section(*this, std::adopt_lock);
      buffer_.pop_front();
    }
    return Status::ok;
  }
  Section section(*this, std::adopt_lock);
  Self self;
  return take(section, self, item);
}

Status Channel::send(Item& item, const WaitOptions& options, bool until_received) noexcept {
  const Status status = try_send(item, until_received);
  if (status != Status::pending || options.deadline == Deadline::past()) {
    return status == Status::pending ? Status::timed_out : status;
  }
  Send send(*this, std::move(item), until_received);
  const Status result = wait_for(send, options);
  if (result != Status::ok) item = std::move(send.item());
  return result;
}

Status Channel::receive(Item& item, const WaitOptions& options) noexcept {
  const Status status = try_receive(item);
  if (status != Status::pending || options.deadline == Deadline::past()) {
    return status == Status::pending ? Status::timed_out : status;
  }
  Receive receive(*this);
  const Status result = wait_for(receive, options);
  if (result == Status::ok) item = std::move(receive.item());
  return result;
}

void Channel::put_back(Item&& item) noexcept {
  Item dropped = std::move(item);  // destroyed after the section
  Section section(*this);
  for (;;) {
    if (current() != State::open && current() != State::closing) return;
    for (Operation* first = receivers_.front(); first; first = receivers_.front()) {
      auto& receiver = static_cast<Receive&>(*first);
      receivers_.remove(receiver);
      if (!receiver.waiter_->claim(receiver)) continue;
      receiver.item_ = std::move(dropped);
      receiver.status_ = Status::ok;
      section.complete(receiver);
      return;
    }
    if (buffer_.has_front_room()) break;
    if (!section.make_room()) return;
  }
  buffer_.push_front(std::move(dropped));
  add_to_count(1);
}

std::size_t Channel::waiting_receivers() const noexcept {
  LockGuard guard(lock_);
  return receivers_.size();
}

std::size_t Channel::waiting_senders() const noexcept {
  LockGuard guard(lock_);
  return senders_.size() + awaiting_reception_;
}

}  // namespace libatoll::core
