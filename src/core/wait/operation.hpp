// Anything that can be tried, waited for and abandoned: the one abstraction behind queues,
// channels, timers and select.
//
// An Operation is one party's attempt, with room for what it sends or receives; it lives on the
// stack of a waiting thread or in the future of an event loop. The same object can be used again
// once it has finished or was abandoned. Its owner keeps it, and the object it works on, alive
// until then.
//
//   Receive receive(channel);
//   Send send(other_channel, std::move(item));
//   Operation* cases[] = {&receive, &send};
//   Selected selected = select(cases, {.deadline = Deadline::after(1.5)});
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/deadline.hpp"
#include "core/base/status.hpp"

namespace libatoll::core {

class Waiter;
class OperationList;

/// What enqueue() did.
enum class Enqueued : std::uint8_t {
  waiting,  ///< the operation stands in a list; somebody will claim the waiter, or the owner
            ///< abandons
  done,     ///< it could be carried out at once: the waiter is claimed by this operation
  lost,     ///< another operation has claimed the waiter meanwhile; this one did nothing
  retry,    ///< the waiter was claimed for a partner that was gone by then: abandon all, start over
};

/// Methods are called by the owner only; completion comes from any thread.
class Operation {
 public:
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  /// Carries the operation out if that needs no wait. `pending` otherwise; anything else is final.
  /// Only while no waiter of this party is enqueued anywhere.
  [[nodiscard]] virtual Status try_() noexcept = 0;

  /// As try_(), and else stands in line for `waiter`, atomically. Never carries out an operation
  /// without having claimed the waiter for it.
  [[nodiscard]] virtual Enqueued enqueue(Waiter& waiter) noexcept = 0;

  /// Leaves the line, and takes back what was given away tentatively. Nothing to do, and allowed,
  /// for an operation that was never enqueued, or was carried out. Afterwards no other thread
  /// refers to this operation or, through it, to the waiter.
  virtual void abandon() noexcept = 0;

  /// When the operation becomes ready by itself: the waiting party wakes then and tries again.
  [[nodiscard]] virtual Deadline deadline() const noexcept { return Deadline::never(); }

  /// How it ended. For the owner, after the end.
  [[nodiscard]] Status status() const noexcept { return status_; }

 protected:
  Operation() noexcept = default;
  ~Operation() = default;  // never deleted through this type

  Status status_ = Status::pending;
  Waiter* waiter_ = nullptr;

 private:
  friend class OperationList;
  friend class WakeList;
  Operation* next_ = nullptr;
  Operation* previous_ = nullptr;
  OperationList* list_ = nullptr;
};

/// Operations in the order of their arrival. O(1) everywhere; guarded by the lock of the core
/// object that has the list.
class OperationList {
 public:
  OperationList() noexcept = default;
  OperationList(const OperationList&) = delete;
  OperationList& operator=(const OperationList&) = delete;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Operation* front() const noexcept { return first_; }
  [[nodiscard]] static Operation* next(const Operation& operation) noexcept {
    return operation.next_;
  }
  [[nodiscard]] bool contains(const Operation& operation) const noexcept {
    return operation.list_ == this;
  }

  void push_back(Operation& operation) noexcept { insert(operation, last_, nullptr); }
  void push_front(Operation& operation) noexcept { insert(operation, nullptr, first_); }

  void remove(Operation& operation) noexcept {
    (operation.previous_ ? operation.previous_->next_ : first_) = operation.next_;
    (operation.next_ ? operation.next_->previous_ : last_) = operation.previous_;
    operation.next_ = operation.previous_ = nullptr;
    operation.list_ = nullptr;
    --size_;
  }

 private:
  /// Between two neighbours; null for an end.
  void insert(Operation& operation, Operation* previous, Operation* next) noexcept {
    operation.list_ = this;
    operation.previous_ = previous;
    operation.next_ = next;
    (previous ? previous->next_ : first_) = &operation;
    (next ? next->previous_ : last_) = &operation;
    ++size_;
  }

  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace libatoll::core
