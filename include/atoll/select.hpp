// Waiting for the first of several things.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

#include "atoll/channel.hpp"
#include "atoll/future.hpp"
#include "atoll/queue.hpp"
#include "atoll/timeout.hpp"
#include "atoll/value.hpp"

namespace libatoll {

namespace detail {
struct Attempt;
}

/// One of the things that select() waits for.
class Case {
 public:
  /// Never ready; takes the place of a case that is switched off.
  Case(std::nullptr_t) noexcept {}
  /// A recv(); of what after() and ticker() return, too.
  Case(const Receiver& receiver);
  /// A send().
  Case(const Sender& sender, const Value& value);
  /// A get().
  Case(const Queue& queue);
  /// A put().
  Case(const Queue& queue, const Value& value);
  /// A get(), for as long as the task is not over; the result stays where it is.
  Case(const AnyFuture& future);

 private:
  friend struct detail::Attempt;
  struct What;
  std::shared_ptr<const What> what_;
};

/// Which case it was.
struct Selected {
  std::size_t index;    ///< its position
  Value value = {};     ///< what was received; None after a send
  bool closed = false;  ///< the channel of the Receiver is closed: nothing was received
};

/// Which one it is if several cases are ready.
enum class SelectOrder : std::uint8_t {
  random,  ///< any, with the same chance for all
  given,   ///< the first
};

/// Carries out exactly one of the cases: waits until the first is ready. The others have no effect.
/// A Receiver whose channel is closed is ready, with `closed` set. Throws TimeoutError when the
/// time is over; Closed for a Sender whose channel has no receiver, and for an end that is closed
/// itself; ValueError if there is nothing to wait for; and what the operation throws. Threads as
/// with Queue.
///
///   auto ready = atoll::select({rx, {tx, 5}, atoll::after(2s)});
///   if (ready.index == 0) std::cout << ready.value;
[[nodiscard]] Selected select(std::span<const Case> cases, Timeout timeout = {},
                              SelectOrder order = SelectOrder::random);
[[nodiscard]] Selected select(std::initializer_list<Case> cases, Timeout timeout = {},
                              SelectOrder order = SelectOrder::random);

/// As select(), but empty if no case is ready, or none in time.
[[nodiscard]] std::optional<Selected> try_select(std::span<const Case> cases,
                                                 Timeout timeout = Timeout::none(),
                                                 SelectOrder order = SelectOrder::random);
[[nodiscard]] std::optional<Selected> try_select(std::initializer_list<Case> cases,
                                                 Timeout timeout = Timeout::none(),
                                                 SelectOrder order = SelectOrder::random);

}  // namespace libatoll
