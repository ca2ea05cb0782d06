#include "runtime/pool/ending.hpp"

#include <new>
#include <span>
#include <vector>

#include "core/wait/select.hpp"
#include "py/cpython_compat.hpp"
#include "py/thread_state.hpp"
#include "runtime/pool/pool.hpp"
#include "runtime/pool/pool_list.hpp"
#include "runtime/pool/timeout_thread.hpp"
#include "runtime/process/hooks.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::runtime {

using core::Deadline;
using core::Handle;
using core::Status;

namespace {

/// How long code that is told to stop may take to do so.
constexpr double patience = 0.5;

/// Was there a Ctrl-C for the calling thread?
bool take_interrupt() noexcept {
  if (!py::attached_thread_state()) return false;
  if (PyErr_CheckSignals() != 0) {
    // There is nobody to raise it to; it has its effect.
    PyErr_WriteUnraisable(nullptr);
    return true;
  }
  return signals::take_interrupt();
}

/// Status::ok when it has ended; timed_out, interrupted.
Status wait_until_ended(Pool& pool, Deadline deadline) noexcept {
  core::Completion completion(pool.ended());
  core::Operation* const operations[] = {&completion};
  if (py::attached_thread_state()) {
    signals::prepare_to_block();
    if (take_interrupt()) return Status::interrupted;
  }
  core::Wait wait(operations, {deadline}, core::Order::given);
  core::Selected selected = wait.start();
  while (selected.status == Status::pending || selected.status == Status::interrupted) {
    {
      const py::Detached detached;
      selected = wait.wait();
    }
    if (selected.status != Status::interrupted || !take_interrupt()) continue;
    return wait.cancel().status == Status::ok ? Status::ok : Status::interrupted;
  }
  return selected.status;
}

using Pools = std::span<const Handle<Pool>>;

bool stop(Pools pools, Deadline deadline) noexcept {
  for (const auto& pool : pools) pool->interrupt_all();
  bool all = true;
  for (const auto& pool : pools) {
    if (pool->is_own_thread()) continue;
    all &= wait_until_ended(*pool, deadline) == Status::ok;
  }
  return all;
}

bool finish(Pools pools) noexcept {
  for (const auto& pool : pools) pool->shut_down(false);
  bool all = true;
  for (const auto& pool : pools) {
    if (pool->is_own_thread()) continue;
    if (pool->is_told_to_stop()) {
      // By somebody who has waited for that, or does not want to.
      all = false;
      continue;
    }
    const Status status = wait_until_ended(*pool, Deadline::never());
    if (status == Status::interrupted) return stop(pools, Deadline::after(patience));
    all &= status == Status::ok;
  }
  return all;
}

constexpr lifecycle::Hooks hooks{
    .before_fork =
        [] {
          PoolList::instance().before_fork();
          TimeoutThread::instance().before_fork();
        },
    .after_fork_in_parent =
        [] {
          TimeoutThread::instance().after_fork_in_parent();
          PoolList::instance().after_fork_in_parent();
        },
    .after_fork_in_child =
        []() noexcept {
          TimeoutThread::instance().after_fork_in_child();
          PoolList::instance().after_fork_in_child();
        },
    .interpreter_ends = [](const Interpreter& target) noexcept { (void)finish_pools(&target); },
    .process_ends = [](Deadline deadline) noexcept { (void)stop_pools(deadline); },
};

}  // namespace

void watch_ends() noexcept {
  lifecycle::set_pool_hooks(hooks);
}

bool finish_pools(const Interpreter* home) noexcept {
  try {
    return finish(home ? PoolList::instance().of(*home) : PoolList::instance().all());
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool stop_pools(Deadline deadline) noexcept {
  try {
    return stop(PoolList::instance().all(), deadline);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace libatoll::runtime
