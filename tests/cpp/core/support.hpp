// What the tests of the core share.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "../support.hpp"
#include "core/channel/channel.hpp"

namespace libatoll::core::test {

[[nodiscard]] inline Message number_message(std::uint64_t number) {
  return Message::copy_of(std::as_bytes(std::span(&number, 1)));
}

[[nodiscard]] inline Item number_item(std::uint64_t number, InterpreterId sender = no_interpreter,
                                      UnboundPolicy policy = UnboundPolicy::keep) {
  return Item(number_message(number), sender, policy);
}

[[nodiscard]] inline std::uint64_t number_in(const Item& item) {
  std::uint64_t number = ~std::uint64_t{0};
  if (item.message.bytes().size() == sizeof(number)) {
    std::memcpy(&number, item.message.bytes().data(), sizeof(number));
  }
  return number;
}

[[nodiscard]] inline Handle<Channel> channel_of(std::size_t capacity) {
  // Channel's destructor is its own business (Object::destroy), so it is made, not declared.
  return Handle<Channel>::make(capacity);
}

inline Status try_send(Channel& channel, std::uint64_t number) {
  Item item = number_item(number);
  return channel.try_send(item);
}

inline Status send(Channel& channel, std::uint64_t number, const WaitOptions& options = {}) {
  Item item = number_item(number);
  return channel.send(item, options);
}

/// The number received; anything but ok is a failure.
inline std::uint64_t receive_number(Channel& channel) {
  Item item;
  const Status status = channel.receive(item);
  return status == Status::ok ? number_in(item) : ~std::uint64_t{0};
}

using libatoll::test::eventually;
using libatoll::test::in_thread;

/// Shorter runs where a sanitizer makes everything ten times slower.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif
#else
inline constexpr bool is_sanitized = false;
#endif

}  // namespace libatoll::core::test

// doctest shows statuses by name.
namespace doctest {
template <>
struct StringMaker<libatoll::core::Status> {
  static String convert(libatoll::core::Status status) { return libatoll::core::name_of(status); }
};
}  // namespace doctest
