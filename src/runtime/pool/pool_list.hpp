// The pools of the process that have threads.
#pragma once

#include <mutex>
#include <vector>

#include "core/base/object.hpp"
#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime {

class Pool;

class PoolList {
 public:
  [[nodiscard]] static PoolList& instance() noexcept;

  /// Throws std::bad_alloc.
  void add(Pool& pool);
  void remove(Pool& pool) noexcept;
  [[nodiscard]] std::vector<core::Handle<Pool>> of(const Interpreter& home);
  [[nodiscard]] std::vector<core::Handle<Pool>> all();

  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  /// Threads do not survive a fork: there are no pools in the child.
  void after_fork_in_child() noexcept;

 private:
  std::mutex mutex_;  // guards pools_
  std::vector<core::Handle<Pool>> pools_;
};

}  // namespace libatoll::runtime
