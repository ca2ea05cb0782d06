// The inside of a channel's methods, for channel*.cpp only.
#pragma once

#include <mutex>  // adopt_lock

#include "core/channel/channel.hpp"

namespace libatoll::core {

namespace channel_detail {

/// Internal outcomes of Channel::offer() and take(), which never reach a caller: the waiter belongs
/// to another operation already; the waiter is claimed for a partner that is gone.
inline constexpr Status lost = Status::cancelled;
inline constexpr Status retry = Status::interrupted;

}  // namespace channel_detail

/// The span for which the lock is held, and what is to be done right after it.
class Channel::Section {
 public:
  explicit Section(Channel& channel) noexcept : channel_(channel) { channel_.lock_.lock(); }
  /// The caller has taken the lock.
  Section(Channel& channel, std::adopt_lock_t /*adopt*/) noexcept : channel_(channel) {}
  ~Section() {
    ItemBuffer::Block* garbage = channel_.buffer_.take_garbage();
    channel_.lock_.unlock();
    wake_.complete_all();
    if (garbage) ItemBuffer::Block::free_chain(garbage);
  }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  /// Allocates a block. Lets go of the lock for that time: the caller has to look at everything
  /// anew.
  [[nodiscard]] bool make_room() noexcept {
    channel_.lock_.unlock();
    ItemBuffer::Block* block = ItemBuffer::Block::create();
    channel_.lock_.lock();
    if (block) channel_.buffer_.add_block(block);
    return block != nullptr;
  }

  /// Completes `operation`, whose waiter was claimed for it, once the lock is free.
  void complete(Operation& operation) noexcept { wake_.add(operation); }

 private:
  Channel& channel_;
  WakeList wake_;
};

/// The party that offers or takes. One that stands in no line yet needs no claim.
class Channel::Self {
 public:
  Self() noexcept = default;
  Self(Waiter& waiter, Operation& operation) noexcept : waiter_(&waiter), operation_(&operation) {}

  /// Before anything is carried out.
  [[nodiscard]] bool claim() noexcept {
    if (!waiter_ || is_claimed_) return true;
    is_claimed_ = waiter_->claim(*operation_);
    return is_claimed_;
  }
  /// What to say when nothing could be carried out.
  [[nodiscard]] Status nothing() const noexcept {
    return is_claimed_ ? channel_detail::retry : Status::pending;
  }
  [[nodiscard]] bool is(const Waiter* waiter) const noexcept {
    return waiter_ && waiter == waiter_;
  }

 private:
  Waiter* waiter_ = nullptr;
  Operation* operation_ = nullptr;
  bool is_claimed_ = false;
};

}  // namespace libatoll::core
