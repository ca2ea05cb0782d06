// What the tests of queues and channels share.
#pragma once

#include <doctest/doctest.h>

#include <chrono>

#include "../support.hpp"
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

/// Seconds that `action` takes.
template <class Action>
[[nodiscard]] double seconds_of(Action action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace libatoll::test
