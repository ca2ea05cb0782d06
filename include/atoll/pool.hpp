// Pools of interpreters, as C++ sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "atoll/config.hpp"
#include "atoll/future.hpp"
#include "atoll/interpreter.hpp"
#include "atoll/timeout.hpp"
#include "atoll/value.hpp"

namespace libatoll {

struct PoolOptions {
  /// How many at most; they are made when they are needed. 0: one for each core that the process
  /// may use.
  std::size_t interpreters = 0;
  /// Worker threads in each: tasks that wait, for the network say, share an interpreter.
  std::size_t threads = 1;
  /// Modules that each interpreter imports first.
  std::vector<std::string> preload = {};
  /// Statements that each interpreter then runs in `__main__`: the functions for submit().
  std::string source = {};
  /// What tracebacks call the source; if there is such a file, they quote its lines.
  std::string filename = "<string>";
  /// A callable, by name as for submit(), that each interpreter then calls once, and its arguments.
  std::string initializer = {};
  List initargs = {};
  /// After so many tasks an interpreter is closed, and replaced by a new one. 0: never.
  std::uint64_t max_tasks_per_interpreter = 0;
  /// So many spare interpreters are made, and set up, in the background; workers take these.
  std::size_t warm = 0;
  Config config = Config::isolated();
  /// Threads are called <name>_<number>, of which the system keeps 15 characters. Empty: a name
  /// that no other pool has.
  std::string name = {};
};

struct TaskOptions {
  /// How long it may run. After that it is over, and its code is told to stop as by
  /// Future::cancel().
  Timeout timeout = {};
};

struct MapOptions {
  /// So many items make one task. 0: as many as give each worker eight tasks.
  std::size_t chunksize = 0;
  /// How long one task may run.
  Timeout task_timeout = {};
};

struct ShutdownOptions {
  /// Until all tasks are over, and the interpreters closed.
  bool wait = true;
  /// Cancels the tasks that have not begun.
  bool cancel_pending = false;
  /// Cancels all tasks; code that runs is told to stop as by Future::cancel().
  bool interrupt = false;
};

/// What a pool has done, and what it is doing.
struct PoolStats {
  std::uint64_t submitted;  ///< tasks so far
  std::uint64_t finished;   ///< of these, those that returned
  std::uint64_t failed;     ///< those that raised, or never ran as the pool broke
  std::uint64_t cancelled;
  std::uint64_t timed_out;
  std::uint64_t recycled;    ///< interpreters that were replaced
  std::size_t waiting;       ///< tasks that have not begun
  std::size_t running;       ///< tasks right now
  std::size_t workers;       ///< threads
  std::size_t interpreters;  ///< at work
  std::size_t spares;        ///< interpreters that are ready to be taken
};

/// A handle on a set of interpreters that carry out tasks, each with its own GIL and its own worker
/// threads. Copies are cheap and mean the same pool. The pools of Python's `atoll.Pool` are built
/// on the same ones.
///
/// *Lifetime.* The last handle shuts the pool down without waiting: what was submitted is still
/// carried out, then the interpreters are closed. shutdown() waits for that. A pool belongs to the
/// interpreter in which it was made: the calling thread's, or the main one if that thread is in
/// none. Before that interpreter ends its pools are shut down, and their tasks carried out:
/// Interpreter::close() and Runtime::close() wait for them. A process that exits without that does
/// not wait: what runs is told to stop, and the rest is cancelled.
///
/// *Threads.* Every function may be called from any thread, with or without a Python thread state,
/// on the same handle too; also from a task of the pool, which must not wait for its own pool.
/// Tasks begin in the order in which they were submitted. Workers live in their interpreters: code
/// that runs in different ones, each with its own GIL, runs in parallel. To everybody else these
/// interpreters are running.
///
/// *Errors.* What a task raises is thrown by its Future, and does the pool no harm. If an
/// interpreter cannot be made or set up, the pool is broken: tasks that have not begun fail with
/// BrokenPool, and submit() throws it. After shutdown() it throws Closed. NotShareableError: an
/// argument that Python could not hold. ValueError: options that make no sense.
///
///   auto pool = atoll::Pool::create({.source = "def area(r): return 3.14159 * r * r"});
///   auto area = pool.submit<double>("area", 2.0);
///   std::vector<std::string> texts = pool.map<std::string>("json:dumps", values);
///   double a = area.get();
class Pool {
 public:
  /// A new pool; nothing of it is made yet but for `warm` interpreters. Throws ValueError, and
  /// InterpreterError if Python is not running.
  [[nodiscard]] static Pool create(const PoolOptions& options = {});

  /// Has `callable` called in one of the interpreters, by its name as for Interpreter::call().
  /// Arguments are whatever a Value can be made from; T is what Future::get() returns.
  template <class T = Value, class... Args>
  Future<T> submit(std::string_view callable, Args&&... args) const {
    return Future<T>(start_call(callable, std::forward<Args>(args)...));
  }
  /// The same with keyword arguments, whose names are the keys of `keywords`, and options.
  template <class T = Value>
  Future<T> submit_with(std::string_view callable, const List& args, const Dict& keywords = {},
                        const TaskOptions& options = {}) const {
    return Future<T>(start(callable, args, keywords, options));
  }

  /// As submit(...).get(). What ends the wait, such as Ctrl-C, cancels the task as well.
  template <class T = Value, class... Args>
  T run(std::string_view callable, Args&&... args) const {
    return result_as<T>(finish(start_call(callable, std::forward<Args>(args)...)));
  }
  /// As submit_with(...).get().
  template <class T = Value>
  T run_with(std::string_view callable, const List& args, const Dict& keywords = {},
             const TaskOptions& options = {}) const {
    return result_as<T>(finish(start(callable, args, keywords, options)));
  }

  /// Calls `callable` with each of the items, and returns the results in their order. Throws what
  /// the first call that failed threw; calls that have not begun are then cancelled.
  template <class T = Value, std::ranges::input_range Items>
  [[nodiscard]] std::vector<T> map(std::string_view callable, Items&& items,
                                   const MapOptions& options = {}) const {
    List arguments;
    for (auto&& item : items) {
      if constexpr (std::is_constructible_v<Value, decltype(item)>) {
        arguments.push_back(Value(std::forward<decltype(item)>(item)));
      } else {  // What stands for a value, as in std::vector<bool>.
        arguments.push_back(Value(static_cast<std::ranges::range_value_t<Items>>(item)));
      }
    }
    List results = map_list(callable, arguments, options);
    if constexpr (std::is_same_v<T, Value>) {
      return results;
    } else {
      std::vector<T> converted;
      converted.reserve(results.size());
      for (Value& result : results) converted.push_back(std::move(result).template as<T>());
      return converted;
    }
  }

  /// Takes no more tasks; when those that are there are over, closes the interpreters. May be
  /// called again, with more in mind. Throws InterpreterError if a task of the pool waits for that.
  void shutdown(const ShutdownOptions& options = {}) const;
  /// shutdown() was called, or the interpreter that the pool belongs to has ended.
  [[nodiscard]] bool is_shut_down() const noexcept;
  /// An interpreter could not be made, or set up.
  [[nodiscard]] bool is_broken() const noexcept;

  /// An interpreter that is set up like those of the pool, but is the caller's: idle, with no
  /// tasks. With `warm` spares it is there at once; otherwise it is made now. Throws as submit().
  [[nodiscard]] Interpreter take_interpreter() const;

  [[nodiscard]] PoolStats stats() const;
  /// How many interpreters it has at most.
  [[nodiscard]] std::size_t interpreters() const;
  [[nodiscard]] std::string name() const;

  /// The same pool.
  friend bool operator==(const Pool& a, const Pool& b) noexcept { return a.shared_ == b.shared_; }

 private:
  struct Shared;
  explicit Pool(std::shared_ptr<const Shared> shared) noexcept;
  /// Throws Error if the handle was moved from.
  [[nodiscard]] const Shared& shared() const;

  [[nodiscard]] AnyFuture start(std::string_view callable, std::span<const Value> args,
                                const Dict& keywords, const TaskOptions& options) const;
  template <class... Args>
  [[nodiscard]] AnyFuture start_call(std::string_view callable, Args&&... args) const {
    if constexpr (sizeof...(args) == 0) {
      return start(callable, {}, {}, {});
    } else {
      const Value values[] = {Value(std::forward<Args>(args))...};
      return start(callable, values, {}, {});
    }
  }
  /// The result of a task that nobody else knows.
  [[nodiscard]] static Value finish(const AnyFuture& future);
  template <class T>
  static T result_as(Value result) {
    if constexpr (std::is_same_v<T, Value>) {
      return result;
    } else {
      return std::move(result).template as<T>();
    }
  }
  [[nodiscard]] List map_list(std::string_view callable, const List& items,
                              const MapOptions& options) const;

  std::shared_ptr<const Shared> shared_;
};

}  // namespace libatoll
