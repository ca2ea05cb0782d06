// What all C++ tests share.
#pragma once

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>

namespace libatoll::test {

template <class Function>
[[nodiscard]] auto in_thread(Function function) {
  return std::async(std::launch::async, std::move(function));
}

/// Waits for a state that another thread is about to reach (never for time to pass). Gives up after
/// a minute.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// What `action` throws, as text.
template <class Error, class Action>
[[nodiscard]] std::string text_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace libatoll::test
