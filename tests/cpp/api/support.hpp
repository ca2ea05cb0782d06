// What the tests of queues and channels share.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "atoll/atoll.hpp"

namespace libatoll::test {

using namespace std::chrono_literals;

/// Long enough for a machine under load; nothing that works waits so long.
inline constexpr Timeout patience = 60s;

/// A Runtime, and interpreters that can import the package `atoll`.
class Python {
 public:
  Python() {
#ifdef ATOLL_TEST_PACKAGE
    runtime_.main().exec(
        "import sys\n"
        "if '" ATOLL_TEST_PACKAGE
        "' not in sys.path:\n"
        "  sys.path.insert(0, '" ATOLL_TEST_PACKAGE "')\n");
#endif
  }
  [[nodiscard]] static Interpreter interpreter() {
    return Interpreter::create();
  }

 private:
  Runtime runtime_;
};

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

/// Seconds that `action` takes.
template <class Action>
[[nodiscard]] double seconds_of(Action action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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
