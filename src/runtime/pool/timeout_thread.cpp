#include "runtime/pool/timeout_thread.hpp"

#include <chrono>
#include <new>

#include "core/base/threads.hpp"
#include "runtime/pool/pool_task.hpp"

namespace libatoll::runtime {

namespace {

std::chrono::steady_clock::time_point to_time_point(std::int64_t nanoseconds) noexcept {
  // Both are CLOCK_MONOTONIC.
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(nanoseconds));
}

}  // namespace

TimeoutThread& TimeoutThread::instance() noexcept {
  // Never destroyed: its thread outlives static destructors.
  static TimeoutThread* const timeouts = new TimeoutThread;
  return *timeouts;
}

TimeoutThread::Entry TimeoutThread::add(PoolTask& task, core::Deadline deadline) {
  const std::lock_guard lock(mutex_);
  const Entry entry{deadline.nanoseconds(), ++count_};
  const auto at = entries_.emplace(entry, core::Handle<PoolTask>::share(&task)).first;
  if (!is_watched_) {
    try {
      core::start_thread(core::Signals::none, [this] { watch(); });
    } catch (...) {
      entries_.erase(at);
      throw;
    }
    is_watched_ = true;
  } else if (at == entries_.begin()) {
    changed_.notify_one();
  }
  return entry;
}

void TimeoutThread::remove(const Entry& entry) noexcept {
  core::Handle<PoolTask> removed;  // dropped without the lock
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(entry);
  if (found == entries_.end()) return;
  removed = std::move(found->second);
  entries_.erase(found);
}

void TimeoutThread::watch() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (entries_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const std::int64_t first = entries_.begin()->first.first;
    if (core::monotonic_now() < first) {
      changed_.wait_until(lock, to_time_point(first));
      continue;
    }
    core::Handle<PoolTask> task = std::move(entries_.begin()->second);
    entries_.erase(entries_.begin());
    lock.unlock();
    core::run_aside([task] { task->expire(); });
    task = nullptr;  // dropped without the lock
    lock.lock();
  }
}

void TimeoutThread::after_fork_in_child() noexcept {
  // What the entries hold belongs to interpreters that do not exist here; it is left alone.
  new (&entries_) std::map<Entry, core::Handle<PoolTask>>;
  new (&changed_) std::condition_variable;
  is_watched_ = false;
  mutex_.unlock();
}

}  // namespace libatoll::runtime
