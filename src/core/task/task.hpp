// A task: something that somebody else executes, once, and that can be waited for and cancelled.
//
// What is executed, and what comes of it, belongs to the derived class; this one decides who may
// say how it ended, and tells those who wait. A task ends in exactly one way, and stays so:
//
//   pending --start()--> running --settle()--> (outcome is written) --finish()--> finished
//   pending --cancel()--> cancelled
//   running --cancel(), time_out()--> cancelled, timed_out: what the worker still brings is dropped
//
// Waiting is an operation: `Completion completion(task)`, for select() as well. Whoever waits is
// woken when the task is over; there may be any number of them.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/object.hpp"
#include "core/base/status.hpp"
#include "core/channel/object_queue.hpp"
#include "core/parking/lock.hpp"
#include "core/wait/operation.hpp"

namespace libatoll::core {

class Task : public Object {
 public:
  enum class State : std::uint8_t {
    pending,   ///< nobody has begun
    running,   ///< a worker is at it
    settling,  ///< the outcome is being written
    finished,  ///< the outcome can be read
    cancelled,
    timed_out,
  };

  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_over() const noexcept { return state() >= State::finished; }

  // --- by whoever executes it --------------------------------------------------------------------

  /// False: it is over, there is nothing to do.
  [[nodiscard]] bool start() noexcept { return move(State::pending, State::running); }
  /// The right to write the outcome. False: it was cancelled meanwhile.
  [[nodiscard]] bool settle() noexcept { return move(State::running, State::settling); }
  /// The outcome of a task that never ran. False: it is running, or over.
  [[nodiscard]] bool settle_unstarted() noexcept { return move(State::pending, State::settling); }
  /// After settle(). The caller holds a count.
  void finish() noexcept;

  // --- by everybody ------------------------------------------------------------------------------

  enum class Reach : std::uint8_t {
    pending,  ///< only if it has not begun
    running,  ///< in any case; the worker is not stopped by this
  };
  /// False: it is over already, or beyond reach. The caller holds a count.
  [[nodiscard]] bool cancel(Reach reach) noexcept;
  /// False: it does not run. The caller holds a count.
  [[nodiscard]] bool time_out() noexcept;

  /// Is told, once, that the task is over, by the thread that ended it, without a lock.
  class Listener : public Object {
   public:
    virtual void task_over() noexcept = 0;

   protected:
    ~Listener() override = default;
  };
  /// A task has one listener at most. False: it is over already, and nobody will be told.
  [[nodiscard]] bool listen(Handle<Listener> listener) noexcept;
  [[nodiscard]] bool has_listener() noexcept;

  /// When the task is over, it is put into `sink`. If there is no memory for that, `sink` is closed
  /// for sending. Before anybody else knows the task.
  void report_to(ObjectQueue<Task> sink) noexcept { sink_ = std::move(sink); }

  /// Means something to whoever submits the task.
  std::int64_t tag = 0;

 protected:
  Task() noexcept = default;
  ~Task() override = default;

 private:
  friend class Completion;

  bool move(State from, State to) noexcept {
    return state_.compare_exchange_strong(from, to, std::memory_order_acq_rel,
                                          std::memory_order_acquire);
  }
  void notify_all() noexcept;

  std::atomic<State> state_{State::pending};
  Lock lock_;
  OperationList waiting_;      ///< guarded by lock_
  Handle<Listener> listener_;  ///< guarded by lock_
  ObjectQueue<Task> sink_;
};

/// The end of a task as an operation; Status::ok when it is over.
class Completion final : public Operation {
 public:
  explicit Completion(Task& task) noexcept : task_(task) {}
  /// Not while enqueued.
  ~Completion() = default;

  [[nodiscard]] Status try_() noexcept override;
  [[nodiscard]] Enqueued enqueue(Waiter& waiter) noexcept override;
  void abandon() noexcept override;

 private:
  friend class Task;
  Task& task_;
};

}  // namespace libatoll::core
