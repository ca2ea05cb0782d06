// What atoll throws.
//
// All of it derives from atoll::Error. An exception raised by Python code in another interpreter
// arrives as ExecutionFailed, which holds plain text only and outlives the interpreter.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace libatoll {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A Value does not hold what was asked of it, or cannot be made from what was given.
class ValueError : public Error {
 public:
  using Error::Error;
};

/// CPython could not be started.
class StartupError : public Error {
 public:
  using Error::Error;
};

/// A Config that cannot work, or an unknown preset or GIL name.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// An operation that the state of an interpreter does not allow.
class InterpreterError : public Error {
 public:
  using Error::Error;
};

/// No interpreter with that id is alive: it was closed, or never existed.
class InterpreterNotFoundError : public InterpreterError {
 public:
  explicit InterpreterNotFoundError(std::int64_t id)
      : InterpreterError("unrecognized interpreter ID " + std::to_string(id)), id_(id) {}
  [[nodiscard]] std::int64_t id() const noexcept { return id_; }

 private:
  std::int64_t id_;
};

/// A value cannot be sent between interpreters, or cannot become an atoll::Value.
class NotShareableError : public Error {
 public:
  using Error::Error;
};

/// Something is wrong with a queue.
class QueueError : public Error {
 public:
  using Error::Error;
};

/// No queue has that id: it was destroyed, or never existed.
class QueueNotFoundError : public QueueError {
 public:
  explicit QueueNotFoundError(std::int64_t id)
      : QueueError("queue " + std::to_string(id) + " not found"), id_(id) {}
  [[nodiscard]] std::int64_t id() const noexcept { return id_; }

 private:
  std::int64_t id_;
};

/// There was nothing to get in time.
class QueueEmpty : public QueueError {
 public:
  using QueueError::QueueError;
};

/// There was no room to put anything in time.
class QueueFull : public QueueError {
 public:
  using QueueError::QueueError;
};

/// The interpreter that put the item has ended, and the item was put on the condition that it goes
/// then.
class ItemInterpreterDestroyed : public QueueError {
 public:
  using QueueError::QueueError;
};

/// A channel is closed: nobody can receive what would be sent, nothing can come any more, or the
/// end in use was closed. Or a pool was shut down.
class Closed : public Error {
 public:
  using Error::Error;
};

/// A send, a recv, a select() or the result of a task was not possible in time.
class TimeoutError : public Error {
 public:
  using Error::Error;
};

/// There is no result: the task was stopped, as it has run for longer than it may.
class TaskTimedOut : public TimeoutError {
 public:
  using TimeoutError::TimeoutError;
};

/// There is no result: the task was cancelled.
class Cancelled : public Error {
 public:
  using Error::Error;
};

/// An interpreter of the pool could not be made, or its set-up failed: the text says why. The pool
/// carries out no tasks any more.
class BrokenPool : public Error {
 public:
  using Error::Error;
};

/// An exception that Python code did not catch.
class ExecutionFailed : public InterpreterError {
 public:
  ExecutionFailed(std::string type, std::string message, std::string traceback)
      : InterpreterError(
            type + ": " + message +
            (traceback.empty() ? "" : "\n\nUncaught in the interpreter:\n\n" + traceback)),
        type_(std::move(type)),
        message_(std::move(message)),
        traceback_(std::move(traceback)) {}

  /// The exception's type, qualified by its module unless that is `builtins` or `__main__`.
  [[nodiscard]] const std::string& type() const noexcept { return type_; }
  /// `str(exception)`.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// The traceback as Python would print it, without the final newline.
  [[nodiscard]] const std::string& traceback() const noexcept { return traceback_; }

 private:
  std::string type_;
  std::string message_;
  std::string traceback_;
};

}  // namespace libatoll
