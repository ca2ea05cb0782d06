// Waiting for the first of several operations.
//
// select() carries out exactly one of its operations; the others consume nothing. Operations that
// are ready at the same time are chosen among at random, or in the given order. A null pointer is a
// case that is never ready. The same object may occur several times, in both directions.
//
// The protocol is the optimistic one of crossbeam-channel (select.rs): try all, then enqueue all
// under one waiter, each atomically under its own lock only, so that there is no lock order to
// keep. An operation that finds its partner while enqueueing claims its own waiter first and the
// partner's second; if the partner has gone elsewhere by then, the round is void and the next one
// begins.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/wait/operation.hpp"
#include "core/wait/waiter.hpp"

namespace libatoll::core {

struct WaitOptions {
  Deadline deadline = Deadline::never();
  /// On whose behalf the thread waits; see closing.hpp.
  InterpreterId interpreter = no_interpreter;
};

enum class Order : std::uint8_t { random, given };

struct Selected {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  Status status = Status::pending;  ///< of the operation, or why there was none
  std::size_t index = none;         ///< which operation
};

/// What thread and event-loop waits have in common: rounds of trying, enqueueing and abandoning.
/// For the owner of the waiter only.
class Selection {
 public:
  /// `operations` stay in place until the selection is over. More than 16 of them in random order
  /// cost an allocation (without memory for it, the given order is used).
  Selection(std::span<Operation* const> operations, Order order) noexcept;

  /// One attempt each, in this round's order. True: it is over.
  [[nodiscard]] bool try_all() noexcept;
  /// Enqueues all. True: it is over, and nothing is enqueued.
  [[nodiscard]] bool enqueue_all(Waiter& waiter) noexcept;
  /// After somebody has completed the waiter.
  void finish(Waiter& waiter) noexcept;
  /// After the waiter was cancelled.
  void abandon_all() noexcept;

  [[nodiscard]] const Selected& result() const noexcept { return result_; }
  /// The earliest of the operations' own deadlines.
  [[nodiscard]] Deadline deadline() const noexcept;

 private:
  void shuffle() noexcept;
  [[nodiscard]] std::size_t at(std::size_t position) const noexcept {
    return order_ ? order_[position] : position;
  }

  std::span<Operation* const> operations_;
  Selected result_;
  std::array<std::uint32_t, 16> few_;
  std::unique_ptr<std::uint32_t[]> many_;
  std::uint32_t* order_ = nullptr;  ///< null: the given order
};

/// A thread's wait in steps. It keeps its place in all lines while the caller runs signal handlers.
///
///   Wait wait(operations, options);
///   Selected selected = wait.start();                 // never blocks
///   while (selected.status == Status::pending || selected.status == Status::interrupted) {
///     if (selected.status == Status::interrupted && handlers_fail()) { wait.cancel(); ... }
///     selected = wait.wait();                         // without the GIL
///   }
class Wait {
 public:
  Wait(std::span<Operation* const> operations, const WaitOptions& options,
       Order order = Order::random) noexcept;
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  /// Cancels what is not over. An item that was received in the last moment is then lost; call
  /// cancel() to learn of it.
  ~Wait();

  /// Carries out what is ready. `pending`: wait() is next.
  Selected start() noexcept;

  /// Blocks. `interrupted`: may be called again. Anything else is final: an operation's status,
  /// timed_out, interpreter_closed, no_memory.
  Selected wait() noexcept;

  /// Ends the wait. `cancelled`: nothing was consumed; else the result of the operation that was
  /// carried out meanwhile.
  Selected cancel() noexcept;

 private:
  Selected wait_enqueued() noexcept;
  [[nodiscard]] bool try_cancel() noexcept;
  Selected finish() noexcept;

  Selection selection_;
  const WaitOptions options_;
  Parker* const parker_;
  std::optional<Waiter> waiter_;
  bool is_enqueued_ = false;
  Selected result_;  ///< pending until the wait is over
};

/// Waits for one of `operations`. Also: timed_out, interrupted (nothing was consumed, all were
/// abandoned), interpreter_closed. Without operations it waits for the deadline.
[[nodiscard]] Selected select(std::span<Operation* const> operations,
                              const WaitOptions& options = {},
                              Order order = Order::random) noexcept;

/// As select(), but `pending` if none is ready.
[[nodiscard]] Selected try_select(std::span<Operation* const> operations,
                                  Order order = Order::random) noexcept;

/// Waits for one operation.
[[nodiscard]] Status wait_for(Operation& operation, const WaitOptions& options = {}) noexcept;

}  // namespace libatoll::core
