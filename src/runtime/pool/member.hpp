// An interpreter of a pool, and how the pool's workers share it.
//
// It is made, set up and entered by the first worker that comes; with several threads per
// interpreter the others wait for that. A member that is retired takes no more tasks: each of its
// workers leaves it before the next one, and the last closes the interpreter. Meanwhile its place
// is free for a successor.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "core/base/object.hpp"
#include "runtime/interpreter/registry.hpp"

namespace libatoll::runtime {

/// Holds the right to run the interpreter: to everybody else it is running.
class Member final : public core::Object {
 public:
  explicit Member(InterpreterHandle interpreter) noexcept : interpreter_(std::move(interpreter)) {}

  [[nodiscard]] Interpreter& interpreter() const noexcept { return *interpreter_; }

  /// One more task was executed in it. Retires it if that was the last that it may.
  void count_task(std::uint64_t limit) noexcept {
    if (tasks_.fetch_add(1, std::memory_order_relaxed) + 1 == limit) retire();
  }
  void retire() noexcept { is_retired_.store(true, std::memory_order_release); }
  [[nodiscard]] bool is_retired() const noexcept {
    return is_retired_.load(std::memory_order_acquire);
  }

  /// Gives the right to run up and closes the interpreter. In a thread that is in no interpreter.
  void close() noexcept;

 private:
  friend class Place;
  ~Member() override = default;

  const InterpreterHandle interpreter_;
  std::atomic<std::uint64_t> tasks_{0};
  std::atomic<bool> is_retired_{false};
  std::size_t users_ = 0;  ///< guarded by the place's mutex
};

/// Where one member at a time stands; the workers of an index share it.
class Place {
 public:
  /// The member, for one more worker; `make` is called, without the lock, if there is none. Empty
  /// if `make` returns that. In a thread that holds no GIL.
  template <class Make>
  [[nodiscard]] core::Handle<Member> enter(Make make) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !is_making_; });
    if (!member_ || member_->is_retired()) {
      is_making_ = true;
      lock.unlock();
      core::Handle<Member> made = make();
      lock.lock();
      member_ = std::move(made);
      is_making_ = false;
      changed_.notify_all();
      if (!member_) return {};
    }
    ++member_->users_;
    return member_;
  }

  /// True: that was the last worker; it closes the member.
  [[nodiscard]] bool leave(const core::Handle<Member>& member) noexcept {
    core::Handle<Member> gone;
    const std::lock_guard lock(mutex_);
    if (--member->users_ != 0) return false;
    // Nobody enters it any more.
    if (member_ == member) gone = std::move(member_);
    return true;
  }

 private:
  std::mutex mutex_;  // guards all below; never held while Python runs
  std::condition_variable changed_;
  core::Handle<Member> member_;
  bool is_making_ = false;
};

}  // namespace libatoll::runtime
