// What others of the runtime do around forks, and at the ends of interpreters and of the process.
#pragma once

#include "core/base/deadline.hpp"
#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::lifecycle {

struct Hooks {
  // In the thread that forks, in this order: before_fork(); then one of the other two.
  void (*before_fork)();
  void (*after_fork_in_parent)();
  void (*after_fork_in_child)() noexcept;

  /// Nearly all code of `target` has run. Inside.
  void (*interpreter_ends)(const Interpreter& target) noexcept;
  /// Threads that are still in interpreters have to leave them by then. In the main interpreter.
  void (*process_ends)(core::Deadline deadline) noexcept;
};

/// Of the pools. Before the first of them is made; the second time it does nothing. `hooks` lives
/// for ever.
void set_pool_hooks(const Hooks& hooks) noexcept;
/// Null if there was never a pool.
[[nodiscard]] const Hooks* pool_hooks() noexcept;

/// From now on forks are prepared for. The second time it does nothing.
void watch_forks();

}  // namespace libatoll::runtime::lifecycle
