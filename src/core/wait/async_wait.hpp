// A wait inside an event loop: select() for a caller that must not block.
//
// Everything is called in the loop's thread. The completion arrives through the mailbox:
//
//   AsyncWait* wait = ...;                              // with its operations, in some heap object
//   Selected selected = wait->start();
//   if (selected.status != Status::pending) -> it is over
//   mailbox->drain([](Waiter& waiter) { finish(AsyncWait::of(waiter).take_result()); });
//   loop.call_at(wait->deadline(), ...): wait->expire() // for timers among the operations
//   future cancelled: wait->cancel()
//
// An object that is over, or was cancelled, is the caller's to destroy; not before.
#pragma once

#include <span>

#include "core/wait/mailbox.hpp"
#include "core/wait/select.hpp"
#include "core/wait/waiter.hpp"

namespace libatoll::core {

class AsyncWait final : public Waiter {
 public:
  /// `operations` stay in place until it is over.
  AsyncWait(Handle<Mailbox> mailbox, std::span<Operation* const> operations,
            Order order = Order::random) noexcept;

  /// Of a waiter that a mailbox has handed over.
  [[nodiscard]] static AsyncWait& of(Waiter& waiter) noexcept {
    return static_cast<AsyncWait&>(waiter);
  }

  /// Carries out what is ready. `pending`: the mailbox will tell. interpreter_closed: the mailbox
  /// is closing.
  [[nodiscard]] Selected start() noexcept;

  /// After the mailbox has handed it over. What an operation has received for a future that was
  /// cancelled meanwhile goes back with Channel::put_back.
  [[nodiscard]] Selected take_result() noexcept;

  /// When deadline() is over. `pending`: goes on waiting, with a new deadline perhaps.
  [[nodiscard]] Selected expire() noexcept;

  /// `cancelled`: it is over and nothing was consumed. `pending`: too late, the completion is in
  /// the mailbox or on its way there.
  [[nodiscard]] Selected cancel() noexcept;

  /// The earliest of the operations' own deadlines.
  [[nodiscard]] Deadline deadline() const noexcept { return selection_.deadline(); }

 private:
  [[nodiscard]] Selected enqueue() noexcept;

  const Handle<Mailbox> mailbox_;
  Selection selection_;
};

}  // namespace libatoll::core
