// The results of tasks to come, as C++ sees them.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "atoll/timeout.hpp"
#include "atoll/value.hpp"

namespace libatoll {

class Pool;
namespace detail {
struct Access;
}

struct CancelOptions {
  /// Also a task that runs: it is cancelled at once, and its code is told to stop, by the exception
  /// TaskInterrupted at its next byte code or in its wait in atoll. A call into C that blocks ends
  /// first.
  bool interrupt = false;
};

/// What Futures of every type have in common: a handle on a task of a Pool. Copies are cheap and
/// mean the same task.
///
/// *Lifetime.* The task is carried out whether or not there are handles on it. A Future may outlive
/// its pool, and Python; what has come of the task stays.
///
/// *Threads.* Every function may be called from any thread, whether or not it is in an interpreter,
/// on the same handle too. A call that waits sleeps, and gives up the GIL if the calling thread has
/// one; signals do not end the wait, but for a Ctrl-C that Python handles in the calling thread
/// (ExecutionFailed). A task that waits for one that needs its own worker waits for ever.
class AnyFuture {
 public:
  /// Waits until the task is over, in whichever way; false if it is not so in time. Throws
  /// InterpreterError if the calling thread is in an interpreter that is being closed.
  bool wait(Timeout timeout = {}) const;

  /// It is over: finished, failed, cancelled or timed out.
  [[nodiscard]] bool is_done() const noexcept;
  /// It is being carried out.
  [[nodiscard]] bool is_running() const noexcept;
  [[nodiscard]] bool is_cancelled() const noexcept;

  /// Cancels the task if it has not begun, with `interrupt` in any case. Does not wait for the code
  /// to stop. False if that is too late: it runs, or is over in another way.
  bool cancel(const CancelOptions& options = {}) const;

  /// The same task.
  friend bool operator==(const AnyFuture& a, const AnyFuture& b) noexcept;

 protected:
  struct Shared;
  explicit AnyFuture(std::shared_ptr<const Shared> shared) noexcept;
  /// Throws TimeoutError when the time is over, and what has come of the task instead of a value.
  [[nodiscard]] Value value(Timeout timeout) const;

 private:
  friend class Pool;
  friend struct detail::Access;
  /// Throws Error if the handle was moved from.
  [[nodiscard]] const Shared& shared() const;

  std::shared_ptr<const Shared> shared_;
};

/// The result of a task, which is anything that Value::as() knows.
///
/// *Errors.* get() throws ExecutionFailed if the task raised, Cancelled if it was cancelled,
/// TaskTimedOut if it was stopped for running longer than it may, BrokenPool if its pool broke
/// before it began, NotShareableError if its result is no Value, ValueError if it is no T; each
/// time it is called.
///
///   auto area = pool.submit<double>("area", 2.0);
///   auto ready = atoll::select({area, atoll::after(1s)});
///   double a = area.get();
template <class T = Value>
class Future : public AnyFuture {
 public:
  /// Waits for the result. Throws TimeoutError if the task is not over in time, InterpreterError if
  /// the calling thread is in an interpreter that is being closed.
  [[nodiscard]] T get(Timeout timeout = {}) const {
    if constexpr (std::is_same_v<T, Value>) {
      return value(timeout);
    } else {
      return value(timeout).template as<T>();
    }
  }
  /// As get(), but empty if the task is not over at once, or in time.
  [[nodiscard]] std::optional<T> try_get(Timeout timeout = Timeout::none()) const {
    if (!wait(timeout)) return std::nullopt;
    return get();
  }

 private:
  friend class Pool;
  explicit Future(AnyFuture future) noexcept : AnyFuture(std::move(future)) {}
};

}  // namespace libatoll
