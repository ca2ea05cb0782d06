// Queues between threads and interpreters, as C++ sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "atoll/timeout.hpp"

namespace libatoll {

class Value;
namespace detail {
struct Access;
}

/// A handle on a queue of the process: first in, first out, for any number of threads and
/// interpreters on either side. The queues of `atoll.interpreters.create_queue()` are the same
/// ones.
///
/// *Lifetime.* A queue lives as long as there is a handle on it: C++ ones, Python ones, and those
/// that travel inside an item or a Value. Copies are cheap and mean the same queue. One that Python
/// code destroys by its id is gone for everybody: QueueNotFoundError, also for those who wait.
///
/// *Threads.* Every function may be called from any thread, whether or not it is in an interpreter,
/// on the same handle too. No interpreter need exist, or Python run, to use a queue between C++
/// threads. A call that waits sleeps, and gives up the GIL if the calling thread has one; signals
/// do not end the wait, but for a Ctrl-C that Python handles in the calling thread
/// (ExecutionFailed).
///
/// *To and from Python.* A Queue is a Value: hand it to `Interpreter::set()` or `call()`, put it
/// into another queue, get one back with `value.as<atoll::Queue>()`. Python code receives an
/// `atoll.interpreters.Queue`, for which the interpreter must be able to import the package
/// `atoll`.
///
///   auto jobs = atoll::Queue::create(100);
///   python.set("jobs", jobs);
///   std::thread worker([python] { python.exec("for job in iter(jobs.get, None): work(job)"); });
///   jobs.put("the first");
class Queue {
 public:
  /// A new queue for at most `maxsize` items, or without a limit if that is not positive. Items
  /// stay in it when the interpreter that put them ends (Python code may say otherwise for its
  /// own).
  [[nodiscard]] static Queue create(std::int64_t maxsize = 0);
  /// The queue that Python knows by this id. Throws QueueNotFoundError.
  [[nodiscard]] static Queue from_id(std::int64_t id);

  /// -1 if the handle was moved from; everything else throws QueueError then.
  [[nodiscard]] std::int64_t id() const noexcept;
  /// As it was given to create(), by whomever.
  [[nodiscard]] std::int64_t maxsize() const;
  /// The number of items.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// There are maxsize() items; never so without a limit.
  [[nodiscard]] bool full() const;

  /// Adds a value. Waits while the queue is full; throws QueueFull when the time is over,
  /// NotShareableError for a value that Python could not hold (text that is not UTF-8), with
  /// nothing added, and InterpreterError if the calling thread is in an interpreter that is being
  /// closed.
  void put(const Value& value, Timeout timeout = {}) const;
  /// As put(), but false if there is no room, or none in time.
  bool try_put(const Value& value, Timeout timeout = Timeout::none()) const;

  /// Takes the next value out. Waits while there is none; throws QueueEmpty when the time is over,
  /// and InterpreterError as put() does. NotShareableError if it is an object of Python's that is
  /// no Value, and ItemInterpreterDestroyed if its sender's interpreter has ended and took it
  /// along: such an item is taken out all the same.
  [[nodiscard]] Value get(Timeout timeout = {}) const;
  /// As get(), but empty if there is nothing, or nothing in time.
  [[nodiscard]] std::optional<Value> try_get(Timeout timeout = Timeout::none()) const;

  /// The same queue.
  friend bool operator==(const Queue& a, const Queue& b) noexcept { return a.id() == b.id(); }

 private:
  friend struct detail::Access;
  struct Shared;
  explicit Queue(std::shared_ptr<const Shared> shared) noexcept;
  /// Throws QueueError if the handle was moved from.
  [[nodiscard]] const Shared& shared() const;

  std::shared_ptr<const Shared> shared_;
};

}  // namespace libatoll

#include "atoll/value.hpp"
