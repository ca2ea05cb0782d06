// One task of a pool: a call, or a chunk of the calls of a map, that a worker executes in its
// interpreter.
//
// Stopping. A task that runs can be cancelled at any time, and is over at once. Its code is told to
// stop by an exception, TaskInterrupted, which it meets at its next byte code, or in a wait of
// atoll's; what is blocked in C ends first. The exception is delivered under the GIL of the
// worker's interpreter, and only while the worker is at that very task (WorkerRecord::current); the
// worker takes back, under the same GIL, what was not raised when the task ended. So it never hits
// the next one.
#pragma once

#include <Python.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/parking/parking.hpp"
#include "core/task/task.hpp"
#include "runtime/execution/run.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/pool/timeout_thread.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::runtime {

class PoolTask;
class Pool;

/// What a worker shows of itself to those who want to stop its task. Outlives the worker.
struct WorkerRecord final : core::Object {
  WorkerRecord(InterpreterHandle where, unsigned long ident) noexcept
      : interpreter(std::move(where)), thread(ident), parker(core::Parker::current()) {}

  const InterpreterHandle interpreter;
  const unsigned long thread;  ///< PyThread_get_thread_ident()
  core::Parker* const parker;

  // Guarded by the interpreter's GIL.
  const PoolTask* current = nullptr;  ///< whose code can be told to stop
  bool is_interrupted = false;        ///< the current task was told to stop

  std::atomic<bool> must_raise{false};  ///< a wait in yet another interpreter has to raise that
};

/// What a task has printed so far, as UTF-8.
struct TaskOutput {
  core::Lock lock;
  std::array<std::string, 2> streams;  ///< stdout, stderr; guarded by lock
};

/// The part of a task in which its code can be told to stop. What is before it and after it is
/// atoll's own: an exception out of nowhere, in an import there, would leave the module locked for
/// the other threads of the interpreter.
class Interruptible final : public transfer::CallSpan {
 public:
  explicit Interruptible(PoolTask& task) noexcept : task_(task) {}
  ~Interruptible() { end(); }
  /// False with TaskInterrupted set if the task was cancelled meanwhile.
  [[nodiscard]] bool begin() noexcept override;
  void end() noexcept override;

 private:
  PoolTask& task_;
};

class PoolTask : public core::Task {
 public:
  /// `timeout`: seconds that it may run; not positive or infinite means no limit.
  explicit PoolTask(double timeout) noexcept;

  /// Executes it, inside the worker's interpreter, with its GIL. Leaves no Python error set.
  /// What it was given is gone when this returns: what the arguments held, such as ends of channels
  /// and shared memory, must not live as long as the future.
  virtual void run(transfer::Context& context, RunResult& result) = 0;

  // --- by the worker, inside ---------------------------------------------------------------------

  enum class Ending : std::uint8_t {
    returned,
    failed,
    cancelled,  ///< meanwhile
    not_begun,  ///< it was cancelled before
  };
  /// After `returned` and `failed` the outcome is written; finish() is next.
  [[nodiscard]] Ending execute(const core::Handle<WorkerRecord>& worker,
                               transfer::Context& context);
  /// Instead: the pool is broken.
  void fail_with_pool() noexcept;

  // --- by anybody; the caller holds a count ------------------------------------------------------

  /// As Task::cancel(), for the pool's statistics as well.
  bool cancel(Reach reach) noexcept;
  /// As cancel(Reach::running), and tells the code to stop. Does not wait for it.
  bool cancel_and_interrupt() noexcept;
  /// If its code still runs, though it was cancelled, tells it once more.
  void interrupt_again() noexcept;
  /// It has run for longer than it may.
  void expire() noexcept;

  /// What it has printed so far; null where the pool does not keep that.
  [[nodiscard]] TaskOutput* output() const noexcept { return output_.get(); }

  /// For people: what it calls. Cut off where it is long. Before anybody else knows the task.
  void set_label(std::string_view label) noexcept;
  [[nodiscard]] std::string_view label() const noexcept { return label_.data(); }

  // --- after the end -----------------------------------------------------------------------------

  /// Of a finished task; its one receiver may take things out.
  [[nodiscard]] RunResult& result() noexcept { return result_; }
  [[nodiscard]] const RunResult& result() const noexcept { return result_; }
  /// It never ran, as the pool broke.
  [[nodiscard]] bool was_refused() const noexcept { return was_refused_; }
  /// Its code begins now: what came before was making its arguments.
  void note_begin(std::int64_t now) noexcept { code_began_ = now; }
  /// How long its code ran.
  [[nodiscard]] std::int64_t nanoseconds() const noexcept { return nanoseconds_; }
  [[nodiscard]] double timeout() const noexcept { return timeout_; }

  [[nodiscard]] const core::Handle<Pool>& pool() const noexcept { return pool_; }

  /// Means something to whoever submits it.
  std::size_t input_bytes = 0;

 protected:
  ~PoolTask() override;

  /// Gives up what it was given: it will not run, or has run.
  virtual void drop_arguments() noexcept = 0;

 private:
  friend class Pool;

  void interrupt() const noexcept;

  const double timeout_;
  core::Handle<Pool> pool_;
  core::Handle<WorkerRecord> worker_;   ///< set before it runs
  std::atomic<bool> has_begun_{false};  ///< worker_ is set for good
  RunResult result_;
  std::unique_ptr<TaskOutput> output_;
  std::array<char, 48> label_{};
  std::int64_t code_began_ = 0;
  std::int64_t nanoseconds_ = 0;
  bool was_refused_ = false;
};

/// A task that arrives as one message.
class MessageTask : public PoolTask {
 public:
  MessageTask(core::Message given, double timeout, transfer::Mode result_mode) noexcept
      : PoolTask(timeout), result_mode_(result_mode), given_(std::move(given)) {}

 protected:
  ~MessageTask() override = default;
  [[nodiscard]] core::Message take_given() noexcept { return std::move(given_); }
  const transfer::Mode result_mode_;

 private:
  void drop_arguments() noexcept final { given_.reset(); }

  core::Message given_;
};

/// A call that transfer::encode_call() has packed.
class CallTask final : public MessageTask {
 public:
  using MessageTask::MessageTask;
  void run(transfer::Context& context, RunResult& result) override;
};

/// A function and a list of argument tuples, as transfer::encode() has packed that pair. The value
/// is the list of results, up to the call that failed; that one's exception comes beside it.
class MapTask final : public MessageTask {
 public:
  using MessageTask::MessageTask;
  void run(transfer::Context& context, RunResult& result) override;
};

/// Keeps what the calling thread prints, if it is at a task that wants that; false if not. Throws
/// std::bad_alloc.
[[nodiscard]] bool keep_output(std::size_t stream, std::string_view text);

/// For code that blocks in atoll, inside a worker's interpreter, after its wait was interrupted:
/// false if its task was told to stop; TaskInterrupted is set then.
[[nodiscard]] bool may_wait_on() noexcept;

}  // namespace libatoll::runtime
