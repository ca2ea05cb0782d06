// Channels between threads and interpreters, as C++ sees them.
#pragma once

#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "atoll/timeout.hpp"

namespace libatoll {

class Value;
namespace detail {
struct Access;
}

/// The capacity of a channel without limit.
inline constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

/// The sending end of a channel. A copy is an end of its own; destruction closes this one.
///
/// A channel is closed for sending when its last Sender is closed or gone, and altogether, items
/// included, when its last Receiver is. The ends of Python's `atoll.channel()` are the same, and
/// one that travels inside an item or a Value counts, too.
///
/// *Threads.* As with Queue: any thread, in an interpreter or in none, also on the same object, but
/// for what changes the object (assignment, move, destruction). Values of one sender arrive in the
/// order in which it sent them. Blocked senders are served in the order in which they came.
///
/// *To and from Python.* An end is a Value: hand it to `Interpreter::set()` or `call()`, send it
/// through another channel, get one with `value.as<atoll::Sender>()`.
class Sender {
 public:
  Sender(const Sender& other);
  Sender(Sender&&) noexcept;
  Sender& operator=(const Sender& other);
  Sender& operator=(Sender&&) noexcept;
  ~Sender();

  /// Sends a value. It waits until there is room for it or, with a capacity of 0, until somebody
  /// has received it. Throws Closed if nobody can receive it any more, or this end is closed;
  /// TimeoutError when the time is over; NotShareableError for a value that Python could not hold;
  /// InterpreterError if the calling thread is in an interpreter that is being closed. Nothing was
  /// sent then.
  void send(const Value& value, Timeout timeout = {}) const;
  /// As send(), but false if that is not possible at once, or in time.
  bool try_send(const Value& value, Timeout timeout = Timeout::none()) const;

  /// Closes this end; does nothing the second time. Who is blocked in send() on this very end stays
  /// so.
  void close() const noexcept;
  /// This end is closed, or was moved from. (Whether there are receivers, only send() can tell.)
  [[nodiscard]] bool is_closed() const noexcept;

  /// Items that were sent and not received yet.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Of the channel: how many items can wait to be received.
  [[nodiscard]] std::size_t capacity() const noexcept;

  /// Ends of the same channel.
  friend bool operator==(const Sender& a, const Sender& b) noexcept;

 private:
  friend struct detail::Access;
  struct End;
  explicit Sender(std::shared_ptr<const End> end) noexcept;

  std::shared_ptr<const End> end_;
};

/// The receiving end of a channel; see Sender.
///
///   auto [tx, rx] = atoll::channel(8);
///   std::jthread source([tx = std::move(tx)] { for (int i = 0; i < 100; ++i) tx.send(i); });
///   for (const atoll::Value& value : rx) std::cout << value << "\n";  // ends after the last one
class Receiver {
 public:
  Receiver(const Receiver& other);
  Receiver(Receiver&&) noexcept;
  Receiver& operator=(const Receiver& other);
  Receiver& operator=(Receiver&&) noexcept;
  ~Receiver();

  /// Receives the next value. Waits while there is none; throws Closed if nothing can come any
  /// more, or this end is closed; TimeoutError when the time is over; InterpreterError if the
  /// calling thread is in an interpreter that is being closed; NotShareableError for an object of
  /// Python's that is no Value (which is received all the same).
  [[nodiscard]] Value recv(Timeout timeout = {}) const;
  /// As recv(), but empty if there is nothing at once, or in time. Throws Closed as recv() does.
  [[nodiscard]] std::optional<Value> try_recv(Timeout timeout = Timeout::none()) const;

  /// Closes this end; does nothing the second time. Who is blocked in recv() on this very end stays
  /// so, unless it was the last one.
  void close() const noexcept;
  /// This end is closed, or was moved from.
  [[nodiscard]] bool is_closed() const noexcept;

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept;

  class Iterator;
  /// Receives until the channel is closed. The Receiver must outlive the iterator.
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// Ends of the same channel.
  friend bool operator==(const Receiver& a, const Receiver& b) noexcept;

 private:
  friend struct detail::Access;
  struct End;
  explicit Receiver(std::shared_ptr<const End> end) noexcept;

  std::shared_ptr<const End> end_;
};

class Receiver::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Value;
  using difference_type = std::ptrdiff_t;

  /// Receives the first value.
  explicit Iterator(const Receiver& receiver);

  /// The value received last; may be moved from.
  [[nodiscard]] Value& operator*() const noexcept { return *value_; }
  [[nodiscard]] Value* operator->() const noexcept { return value_.get(); }
  Iterator& operator++();
  void operator++(int) { ++*this; }

  /// The channel is closed.
  friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept {
    return at.value_ == nullptr;
  }

 private:
  const Receiver* receiver_;
  std::shared_ptr<Value> value_;
};

inline Receiver::Iterator Receiver::begin() const {
  return Iterator(*this);
}

/// A new channel for at most `capacity` values under way; with 0 a send and a recv meet, with
/// `unbounded` a send never waits.
///
///   auto [tx, rx] = atoll::channel();
[[nodiscard]] std::pair<Sender, Receiver> channel(std::size_t capacity = 0);

}  // namespace libatoll

#include "atoll/value.hpp"
