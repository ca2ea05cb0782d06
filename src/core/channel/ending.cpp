// How channels end, and what becomes of items whose interpreter is gone.
#include <memory>
#include <new>
#include <utility>

#include "core/channel/section.hpp"

namespace libatoll::core {

template <class Party>
void Channel::wake_all(Section& section, OperationList& list, Status status) noexcept {
  while (Operation* operation = list.front()) {
    auto& party = static_cast<Party&>(*operation);
    list.remove(party);
    if (!party.waiter_->claim(party)) continue;
    party.status_ = status;
    section.complete(party);
  }
}

Status Channel::close(Close how) noexcept {
  ItemBuffer dropped;  // destroyed after the section
  Section section(*this);
  const bool is_empty = count() == 0;
  switch (current()) {
    case State::destroyed:
      return Status::destroyed;
    case State::closed:
      return Status::closed;
    case State::closing:
      if (is_empty || how == Close::sending) return Status::closed;
      break;
    case State::open:
      break;
  }
  if (how == Close::if_empty && !is_empty) return Status::not_empty;
  if (how != Close::sending) {
    end(section, State::closed, dropped);
    return Status::ok;
  }
  state_.store(State::closing, std::memory_order_release);
  wake_all<Send>(section, senders_, Status::closed);
  if (is_empty) wake_all<Receive>(section, receivers_, Status::closed);
  return Status::ok;
}

/// After items went without a receiver: the last one's going is the end of a closing channel.
void Channel::settle_closing(Section& section) noexcept {
  if (current() == State::closing && count() == 0) {
    wake_all<Receive>(section, receivers_, Status::closed);
  }
}

void Channel::destroy_for_all() noexcept {
  ItemBuffer dropped;
  Section section(*this);
  if (current() != State::destroyed) end(section, State::destroyed, dropped);
}

void Channel::end(Section& section, State state, ItemBuffer& dropped) noexcept {
  state_.store(state, std::memory_order_release);
  const Status status = ended_status();
  ItemBuffer::Cursor cursor(buffer_);
  while (ItemBuffer::Slot* slot = cursor.next()) {
    if (!slot->sender) continue;
    Send& sender = *slot->sender;
    give_back(*slot);
    if (!sender.waiter_->claim(sender)) continue;
    sender.status_ = status;
    section.complete(sender);
  }
  dropped.swap(buffer_);
  count_.store(0, std::memory_order_release);
  wake_all<Send>(section, senders_, status);
  wake_all<Receive>(section, receivers_, status);
}

void Channel::interpreter_gone(InterpreterId id) noexcept {
  // Messages are destroyed without the lock: room for them is made before it is taken. If there is
  // not enough, several passes do it.
  constexpr std::size_t few = 32;
  for (;;) {
    std::size_t room = count() + few;
    std::unique_ptr<Message[]> many(new (std::nothrow) Message[room]);
    Message some[few];
    Message* const doomed = many ? many.get() : some;
    if (!many) room = few;
    std::size_t filled = 0;
    bool is_complete = true;
    {
      Section section(*this);
      if (!has_policies_) return;
      ItemBuffer::Cursor cursor(buffer_);
      while (ItemBuffer::Slot* slot = cursor.next()) {
        Item& item = slot->item;
        if (item.interpreter != id || item.policy == UnboundPolicy::keep || item.is_unbound ||
            slot->sender) {
          continue;
        }
        if (filled == room) {
          is_complete = false;
          break;
        }
        doomed[filled++] = std::move(item.message);
        item.is_unbound = true;
        if (item.policy == UnboundPolicy::remove) {
          slot->is_occupied = false;
          add_to_count(-1);
        }
      }
      buffer_.drop_vacant();
      admit_senders(section);
      settle_closing(section);
    }
    if (is_complete) return;
  }
}

}  // namespace libatoll::core
