// A pool: tasks for a set of interpreters, each with its own worker threads.
//
// Tasks wait in one channel, first in, first out. A worker is an OS thread that lives in its
// interpreter: it waits with that GIL released, and goes from task to task without leaving. Workers
// and interpreters are made when there is a task for which nobody is idle, up to the numbers given.
//
// With spare interpreters a thread of the pool makes them in advance, replaces those that
// are taken, and closes those that have served their time.
//
// A pool belongs to an interpreter, its home: new interpreters inherit from that one, and it has to
// shut the pool down before it ends. The threads keep the pool alive until they have ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "atoll/base/config.hpp"
#include "core/channel/object_queue.hpp"
#include "core/task/task.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/pool/member.hpp"
#include "runtime/pool/pool_task.hpp"

namespace libatoll::runtime {

struct PoolOptions {
  std::size_t interpreters = 1;
  std::size_t threads = 1;      ///< per interpreter
  std::uint64_t max_tasks = 0;  ///< per interpreter, which is replaced then; 0: no limit
  std::size_t spares = 0;       ///< interpreters made in advance
  std::string name;             ///< threads are called <name>_<number>
  Config config = Config::isolated();
  std::vector<std::string> preload;   ///< modules that every interpreter imports
  std::vector<core::Message> set_up;  ///< calls that every interpreter makes then
  /// What every interpreter does last, with its GIL; it leaves no Python error set. May be empty.
  std::function<void(transfer::Context&, RunResult&)> set_up_last;
  /// Tasks keep what their threads give to keep_output().
  bool keeps_output = false;
};

/// Something that happens once.
class Event final : public core::Task {
 public:
  void set() noexcept {
    if (settle_unstarted()) finish();
  }

 private:
  ~Event() override = default;
};

class Pool final : public core::Object {
 public:
  /// The worker threads that a pool may have in all.
  static constexpr std::size_t most_workers = 100'000;

  struct Stats {
    std::uint64_t submitted, finished, failed, cancelled, timed_out;  ///< tasks so far
    std::uint64_t recycled;                                           ///< interpreters replaced
    std::size_t waiting, running;                                     ///< tasks now
    std::size_t workers, interpreters, spares;                        ///< now
  };

  /// `home`: the interpreter that it belongs to. Throws std::bad_alloc, std::system_error.
  [[nodiscard]] static core::Handle<Pool> make(InterpreterHandle home, PoolOptions options);

  enum class Admission : std::uint8_t { accepted, shut_down, broken };
  /// Puts a task in line; it is the pool's from now on, if accepted. Any thread. Throws
  /// std::bad_alloc, and std::system_error if there is no thread for it.
  [[nodiscard]] Admission submit(PoolTask& task);

  /// No more tasks. Those that are there are executed, or cancelled if `cancel`; then everything
  /// ends. Does not wait; see ended().
  void shut_down(bool cancel) noexcept;
  /// Tells all tasks that run to stop, and cancels the others.
  void interrupt_all() noexcept;
  [[nodiscard]] bool is_shut_down() const noexcept {
    return is_shut_down_.load(std::memory_order_acquire);
  }
  /// interrupt_all() was called.
  [[nodiscard]] bool is_told_to_stop() const noexcept {
    return is_told_to_stop_.load(std::memory_order_acquire);
  }

  /// Is over when the pool was shut down and all its threads and interpreters are gone.
  [[nodiscard]] Event& ended() const noexcept { return *ended_; }
  /// Is over when the pool is broken: an interpreter could not be made, or set up.
  [[nodiscard]] Event& broken() const noexcept { return *broken_; }
  /// Why; only when it is.
  [[nodiscard]] const RunResult& failure() const noexcept { return failure_; }

  /// An interpreter for somebody else: made in advance, if one is ready, and set up. Empty if that
  /// failed, and the pool is broken. In a thread that is in the home, or in none.
  [[nodiscard]] InterpreterHandle take_interpreter();

  [[nodiscard]] Stats stats() const noexcept;
  [[nodiscard]] const PoolOptions& options() const noexcept { return options_; }
  [[nodiscard]] std::size_t max_workers() const noexcept {
    return options_.interpreters * options_.threads;
  }
  /// Workers started so far.
  [[nodiscard]] std::size_t workers() const noexcept {
    return started_.load(std::memory_order_acquire);
  }
  /// Is the calling thread one of its own?
  [[nodiscard]] bool is_own_thread() const noexcept;
  [[nodiscard]] const Interpreter& home() const noexcept { return *home_; }

  /// The labels of the tasks that workers are at.
  [[nodiscard]] std::vector<std::string> running_labels();

  /// In the child of a fork: its threads do not exist there, and may hold its locks for ever.
  void mark_gone_after_fork() noexcept;

 private:
  friend class PoolTask;
  Pool(InterpreterHandle home, PoolOptions options);
  ~Pool() override = default;

  // --- threads -----------------------------------------------------------------------------------
  void start_worker();  // mutex_ held
  template <class Work>
  void start_counted(Work work);  // mutex_ held
  [[nodiscard]] std::string name_of_worker(std::size_t index) const;
  void work(std::size_t index) noexcept;
  [[nodiscard]] bool serve(std::size_t index, Member& member, core::Handle<PoolTask>& task);
  [[nodiscard]] core::Handle<PoolTask> next_task(core::InterpreterId interpreter) noexcept;
  void execute(std::size_t index, const core::Handle<PoolTask>& task,
               const core::Handle<WorkerRecord>& worker, transfer::Context& context);
  void show_running(std::size_t index, core::Handle<PoolTask> task) noexcept;
  [[nodiscard]] core::Handle<PoolTask> running_at(std::size_t worker) noexcept;
  void keep_spares() noexcept;
  void thread_ends() noexcept;

  // --- interpreters ------------------------------------------------------------------------------
  [[nodiscard]] core::Handle<Member> obtain_member() noexcept;
  [[nodiscard]] core::Handle<Member> take_spare() noexcept;
  [[nodiscard]] core::Handle<Member> make_member() noexcept;
  [[nodiscard]] InterpreterHandle create_interpreter() const;
  void set_up(Member& member, RunResult& result);
  void dispose(const core::Handle<Member>& member) noexcept;

  void break_down(RunResult why) noexcept;
  template <class Dispose>
  void drain(Dispose dispose) noexcept;

  const InterpreterHandle home_;
  PoolOptions options_;

  const core::ObjectQueue<PoolTask> tasks_;
  const core::Handle<Event> ended_;
  const core::Handle<Event> broken_;
  std::atomic<std::size_t> started_{0};
  /// Workers that are free, or will be when they are made, less the tasks that nobody has taken.
  std::atomic<std::int64_t> free_{0};
  std::atomic<bool> is_shut_down_{false};
  std::atomic<bool> is_told_to_stop_{false};
  bool is_gone_ = false;  ///< after a fork

  std::mutex mutex_;  // guards the starting and ending of threads, failure_ until it is announced
  std::size_t threads_ = 0;
  RunResult failure_;

  std::unique_ptr<Place[]> places_;
  core::ObjectQueue<Member> spares_;  ///< that are ready
  /// To the thread of keep_spares(): members to close or, empty, the request to make one.
  core::ObjectQueue<Member> upkeep_;

  core::Lock running_lock_;
  std::vector<core::Handle<PoolTask>> running_;  ///< by worker; guarded by running_lock_

  struct Counters {
    std::atomic<std::uint64_t> submitted{0}, finished{0}, failed{0}, cancelled{0}, timed_out{0},
        recycled{0};
    std::atomic<std::size_t> running{0}, interpreters{0};
    std::atomic<std::int64_t> dropped{0};  ///< cancelled, but still in line
  } counters_;
};

}  // namespace libatoll::runtime
