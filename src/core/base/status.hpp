// What the core's methods return: status values, since exceptions never cross its interfaces.
#pragma once

#include <cstdint>

namespace libatoll::core {

enum class Status : std::uint8_t {
  ok,
  pending,             ///< would have to wait: empty, full, not due, not set
  closed,              ///< this end is closed for good
  destroyed,           ///< the object was destroyed by name; to users it no longer exists
  timed_out,           ///< the deadline passed and nothing was consumed
  interrupted,         ///< a signal or interrupt(): run the handlers, then wait on
  interpreter_closed,  ///< the interpreter that waits is being closed, or the process ends
  cancelled,           ///< by its owner, before anybody served it
  not_empty,           ///< refused: there are items left
  not_found,           ///< no object has this id (any more)
  never_bound,         ///< release without a bind
  no_memory,
};

/// CPython's interpreter id. Ids ascend and are not reused within a process.
using InterpreterId = std::int64_t;
/// Nobody's: for threads of an embedding program that wait outside any interpreter.
inline constexpr InterpreterId no_interpreter = -1;

[[nodiscard]] constexpr const char* name_of(Status status) noexcept {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::pending:
      return "pending";
    case Status::closed:
      return "closed";
    case Status::destroyed:
      return "destroyed";
    case Status::timed_out:
      return "timed_out";
    case Status::interrupted:
      return "interrupted";
    case Status::interpreter_closed:
      return "interpreter_closed";
    case Status::cancelled:
      return "cancelled";
    case Status::not_empty:
      return "not_empty";
    case Status::not_found:
      return "not_found";
    case Status::never_bound:
      return "never_bound";
    case Status::no_memory:
      return "no_memory";
  }
  return "?";
}

}  // namespace libatoll::core
