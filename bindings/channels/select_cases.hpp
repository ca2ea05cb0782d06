// The cases of atoll.select(): from what the caller wrote to operations of the core, and back.
#pragma once

#include <Python.h>

#include <cstddef>
#include <memory>
#include <span>
#include <variant>

#include "channels/end.hpp"
#include "core/channel/channel.hpp"
#include "core/channel/timer.hpp"
#include "core/task/task.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// One case. What it refers to is borrowed from the caller's arguments.
class SelectCase {
 public:
  /// Says what the case is. False with TypeError set; `index` is for its text.
  [[nodiscard]] bool recognise(const State& state, PyObject* given, Py_ssize_t index);
  /// Makes the operation; encodes what is to be sent. False with a Python error set.
  [[nodiscard]] bool prepare(const State& state);
  /// Lets a close() of the end cancel the wait. False with Closed set: it is closed already.
  [[nodiscard]] bool begin_use(CancelToken& token);

  /// Null for a case that is never ready.
  [[nodiscard]] core::Operation* operation() noexcept;
  /// The Sender, Receiver, Queue or Future; null for a case that is never ready.
  [[nodiscard]] PyObject* channel() const noexcept { return channel_; }
  [[nodiscard]] bool is_own_end_closed() const noexcept;

  /// What was received, None for a send. Null with a Python error set.
  [[nodiscard]] PyObject* take_value(State& state);
  /// Is `closed` a result of this case? Otherwise it is an error.
  [[nodiscard]] bool can_be_closed() const noexcept { return kind_ == Kind::receive; }
  PyObject* raise_error(State& state, core::Status status) const;
  /// Nobody is there to take what was received.
  void put_back() noexcept;

 private:
  enum class Kind : std::uint8_t { never, receive, send, get, future };

  Kind kind_ = Kind::never;
  PyObject* channel_ = nullptr;
  PyObject* value_ = nullptr;      ///< to be sent
  core::Handle<core::Task> task_;  ///< of a Future
  std::variant<std::monostate, core::Receive, core::Send, core::Tick, core::Completion> operation_;
  core::EndRef::Use use_;
};

class SelectCases {
 public:
  SelectCases() noexcept = default;

  /// False with a Python error set.
  [[nodiscard]] bool prepare(const State& state, std::span<PyObject* const> given,
                             CancelToken& token);

  [[nodiscard]] std::span<core::Operation* const> operations() const noexcept {
    return {operations_.get(), count_};
  }
  [[nodiscard]] SelectCase& operator[](std::size_t index) noexcept { return cases_[index]; }
  /// All cases are None, or there are none.
  [[nodiscard]] bool is_never_ready() const noexcept;
  /// After a wait was cancelled: Closed, for the end that was closed. Returns null.
  PyObject* raise_cancelled() const;

 private:
  std::size_t count_ = 0;
  std::unique_ptr<SelectCase[]> cases_;
  std::unique_ptr<core::Operation*[]> operations_;
};

}  // namespace libatoll::bindings
