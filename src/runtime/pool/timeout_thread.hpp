// Until when tasks may run: the clock behind their timeouts.
//
// One thread per process, made with the first timeout, sleeps until the earliest deadline. It only
// watches the clock: what an expiry means (waking those who wait, stopping the code, for which that
// interpreter's GIL is needed) is done in a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "core/base/deadline.hpp"
#include "core/base/object.hpp"

namespace libatoll::runtime {

class PoolTask;

class TimeoutThread {
 public:
  /// When, and which of those that expire at the same time.
  using Entry = std::pair<std::int64_t, std::uint64_t>;

  [[nodiscard]] static TimeoutThread& instance() noexcept;

  /// Calls task.expire() at that time, in another thread. Throws std::bad_alloc, std::system_error.
  [[nodiscard]] Entry add(PoolTask& task, core::Deadline deadline);
  /// Unless it has happened.
  void remove(const Entry& entry) noexcept;

  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  /// The child has no such thread, and none of the tasks.
  void after_fork_in_child() noexcept;

 private:
  void watch() noexcept;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::map<Entry, core::Handle<PoolTask>> entries_;
  std::uint64_t count_ = 0;
  bool is_watched_ = false;
};

}  // namespace libatoll::runtime
