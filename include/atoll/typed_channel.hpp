// Channels whose values are all of one C++ type.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "atoll/channel.hpp"
#include "atoll/value.hpp"

namespace libatoll {

/// A Sender of T, which is anything that a Value can be made from.
template <class T>
class TypedSender {
 public:
  explicit TypedSender(Sender sender) noexcept : sender_(std::move(sender)) {}

  void send(const T& value, Timeout timeout = {}) const { sender_.send(Value(value), timeout); }
  bool try_send(const T& value, Timeout timeout = Timeout::none()) const {
    return sender_.try_send(Value(value), timeout);
  }
  void close() const noexcept { sender_.close(); }

  /// For Interpreter::set(), select() and the like.
  operator const Sender&() const noexcept { return sender_; }

 private:
  Sender sender_;
};

/// A Receiver of T, which is anything that Value::as() knows. A value of another type, which only
/// Python or an untyped Sender can send, is received, and throws ValueError.
template <class T>
class TypedReceiver {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(const Receiver& receiver) : at_(receiver) {}
    [[nodiscard]] T operator*() const { return (*at_).template as<T>(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++at_; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t end) noexcept {
      return at.at_ == end;
    }

   private:
    Receiver::Iterator at_;
  };

  explicit TypedReceiver(Receiver receiver) noexcept : receiver_(std::move(receiver)) {}

  [[nodiscard]] T recv(Timeout timeout = {}) const {
    return receiver_.recv(timeout).template as<T>();
  }
  [[nodiscard]] std::optional<T> try_recv(Timeout timeout = Timeout::none()) const {
    auto value = receiver_.try_recv(timeout);
    if (!value) return std::nullopt;
    return std::move(*value).template as<T>();
  }
  void close() const noexcept { receiver_.close(); }

  [[nodiscard]] Iterator begin() const { return Iterator(receiver_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// For Interpreter::set(), select() and the like.
  operator const Receiver&() const noexcept { return receiver_; }

 private:
  Receiver receiver_;
};

/// A channel of T, by its ends.
///
///   auto [tx, rx] = atoll::Channel<int>(8);
///   tx.send(1);
///   int one = rx.recv();
template <class T>
struct Channel {
  explicit Channel(std::size_t capacity = 0) : Channel(channel(capacity)) {}
  explicit Channel(std::pair<Sender, Receiver> ends) noexcept
      : tx(std::move(ends.first)), rx(std::move(ends.second)) {}

  TypedSender<T> tx;
  TypedReceiver<T> rx;
};

}  // namespace libatoll
