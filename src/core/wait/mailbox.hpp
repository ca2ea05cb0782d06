// Where an event loop finds its completions.
//
// One mailbox per loop: an intrusive lock-free list, and one eventfd that the loop watches for
// reading. A completer in any thread pushes its waiter and writes the eventfd if the list was
// empty; the loop drains the list in one go. No helper thread, and one system call per burst.
//
//   mailbox->fd()                                       // loop.add_reader(fd, on_readable)
//   mailbox->drain([](Waiter& waiter) { ... });         // on_readable, in the loop's thread
#pragma once

#include <atomic>

#include "core/base/intrusive_list.hpp"
#include "core/base/object.hpp"
#include "core/base/status.hpp"
#include "core/parking/lock.hpp"
#include "core/wait/waiter.hpp"

namespace libatoll::core {

class Mailbox final : public Object {
 public:
  /// Empty if there is no memory or no file descriptor left.
  [[nodiscard]] static Handle<Mailbox> create(InterpreterId interpreter) noexcept;

  /// Readable when there is something to drain, or the interpreter is being closed.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] InterpreterId interpreter() const noexcept { return interpreter_; }

  /// True from the moment at which the loop has to cancel what it waits for, because its
  /// interpreter is being closed or the process ends. fd() becomes readable with it.
  [[nodiscard]] bool is_closing() const noexcept {
    return closing_.load(std::memory_order_acquire);
  }

  /// Any thread; for Waiter::complete().
  void push(Waiter& waiter) noexcept;

  /// Hands over each completed waiter, in the order of completion. `receive` may free it. The
  /// loop's thread only.
  template <class Receive>
  void drain(Receive&& receive) {
    for (Waiter* waiter = take_all(); waiter;) {
      Waiter* next = waiter->next_;
      receive(*waiter);
      waiter = next;
    }
  }

  /// Marks every mailbox of `id` (all if `everybody`) as closing and wakes its loop.
  static void close_all(InterpreterId id, bool everybody) noexcept;

 private:
  friend class IntrusiveList<Mailbox>;

  Mailbox(int fd, InterpreterId interpreter) noexcept;
  ~Mailbox() override;

  Waiter* take_all() noexcept;
  void signal() noexcept;

  const int fd_;
  const InterpreterId interpreter_;
  std::atomic<Waiter*> newest_{nullptr};
  std::atomic<bool> closing_{false};
  Mailbox* next_ = nullptr;  ///< in the list of all mailboxes, under its lock
  Mailbox* previous_ = nullptr;
};

}  // namespace libatoll::core
