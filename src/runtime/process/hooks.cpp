#include "runtime/process/hooks.hpp"

#include <pthread.h>

#include <atomic>
#include <mutex>

#include "core/base/reclaim.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/session/session.hpp"
#include "runtime/session/signals.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

constinit std::atomic<const Hooks*> known{nullptr};

/// Those that the fork under way began with; guarded by the registry's lock.
const Hooks* forking = nullptr;

void before_fork() {
  Registry::instance().before_fork();
  forking = pool_hooks();
  if (forking) forking->before_fork();
  core::reclaim_before_fork();
}

void in_parent() {
  core::reclaim_after_fork_in_parent();
  if (forking) forking->after_fork_in_parent();
  Registry::instance().after_fork_in_parent();
}

void in_child() {
  core::reclaim_after_fork_in_child();
  if (forking) forking->after_fork_in_child();
  Registry::instance().after_fork_in_child();
  thread_cache::forget_after_fork();
  signals::after_fork_in_child();
}

}  // namespace

void set_pool_hooks(const Hooks& hooks) noexcept {
  known.store(&hooks, std::memory_order_release);
}

const Hooks* pool_hooks() noexcept {
  return known.load(std::memory_order_acquire);
}

void watch_forks() {
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(before_fork, in_parent, in_child); });
}

}  // namespace libatoll::runtime::lifecycle
