// What a thread is at work on, for callbacks that Python makes without telling.
#pragma once

#include <utility>

namespace libatoll::transfer {

/// While one lives, `value` is what is in progress in this thread. They nest: Python code that runs
/// meanwhile may begin something of the kind in its turn. Each thread has its own, since threads of
/// one interpreter take turns whenever Python code runs.
template <class T>
class InProgress {
 public:
  explicit InProgress(T& value) noexcept : outer_(std::exchange(current_, &value)) {}
  InProgress(const InProgress&) = delete;
  InProgress& operator=(const InProgress&) = delete;
  ~InProgress() { current_ = outer_; }

  /// The innermost one, or null.
  [[nodiscard]] static T* current() noexcept { return current_; }
  /// The same; from then on it is not in progress.
  [[nodiscard]] static T* take() noexcept { return std::exchange(current_, nullptr); }

 private:
  static constinit inline thread_local T* current_ = nullptr;
  T* outer_;
};

}  // namespace libatoll::transfer
