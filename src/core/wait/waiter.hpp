// One blocked party: a parked thread, or something pending in an event loop.
//
// A waiter may stand, with several operations, in the lists of several objects. Whoever can serve
// one of these operations claims the waiter first; one claim succeeds, ever (until the owner resets
// the waiter for its next round). The winner, and nobody else,
//   1. claims, and fills in the operation, under the lock of the object;
//   2. calls complete() after it has let go of that lock.
// The owner that wants to cancel claims for itself, with try_cancel(); if that fails, a completion
// is on its way and the owner has to take it. This is `Context::try_select` of crossbeam-channel,
// and `selectDone` of Go's sudog.
#pragma once

#include <atomic>

#include "core/parking/parking.hpp"
#include "core/wait/operation.hpp"

namespace libatoll::core {

class Mailbox;

class Waiter {
 public:
  /// For the thread of `parker`.
  explicit Waiter(Parker& parker) noexcept : parker_(&parker) {}
  /// For an event loop. `mailbox` outlives the waiter.
  explicit Waiter(Mailbox& mailbox) noexcept : mailbox_(&mailbox) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// For an operation of this waiter, under that operation's lock.
  [[nodiscard]] bool claim(Operation& winner) noexcept {
    Operation* expected = nullptr;
    return winner_.load(std::memory_order_relaxed) == nullptr &&
           winner_.compare_exchange_strong(expected, &winner, std::memory_order_acq_rel,
                                           std::memory_order_relaxed);
  }
  /// Under the lock of an object that has the waiter in a list: is it not worth a claim any more?
  [[nodiscard]] bool is_claimed() const noexcept {
    return winner_.load(std::memory_order_relaxed) != nullptr;
  }

  /// By the winner, once, without locks. Afterwards the waiter may be gone.
  void complete() noexcept;

  // The rest is for the owner.

  /// False if somebody was faster: then wait for the completion.
  [[nodiscard]] bool try_cancel() noexcept { return claim(cancelled_); }
  /// Null if cancelled or not claimed. After a completion: who served.
  [[nodiscard]] Operation* winner() const noexcept {
    Operation* winner = winner_.load(std::memory_order_acquire);
    return winner == &cancelled_ ? nullptr : winner;
  }
  /// Has complete() been called? Everything the winner wrote is visible then. Parked threads only.
  [[nodiscard]] const std::atomic<bool>& completed() const noexcept { return completed_; }
  /// For another round. No operation of this waiter may be enqueued.
  void reset() noexcept {
    winner_.store(nullptr, std::memory_order_relaxed);
    completed_.store(false, std::memory_order_relaxed);
  }

 private:
  friend class Mailbox;

  /// Stands for the owner itself as the winner.
  class Cancelled final : public Operation {
    Status try_() noexcept override { return Status::cancelled; }
    Enqueued enqueue(Waiter&) noexcept override { return Enqueued::lost; }
    void abandon() noexcept override {}
  };
  static Cancelled cancelled_;

  std::atomic<Operation*> winner_{nullptr};
  std::atomic<bool> completed_{false};
  Parker* const parker_ = nullptr;
  Mailbox* const mailbox_ = nullptr;
  Waiter* next_ = nullptr;  ///< in the mailbox
};

/// Claimed waiters that are to be completed once the lock is free.
class WakeList {
 public:
  void add(Operation& operation) noexcept {
    operation.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &operation;
    last_ = &operation;
  }
  /// Without locks.
  void complete_all() noexcept {
    for (Operation* operation = first_; operation;) {
      Operation* next = operation->next_;
      operation->next_ = nullptr;
      operation->waiter_->complete();
      operation = next;
    }
  }
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

 private:
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
};

}  // namespace libatoll::core
