// Programs of scenarios, each of which is a process of its own: `program <scenario>`. It succeeds
// with status 0 and "ok" as the last line.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "atoll/atoll.hpp"

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::_Exit(1);                                                       \
    }                                                                      \
  } while (false)

namespace libatoll::test {

using Scenarios = std::map<std::string, std::function<void()>>;

/// Not on 3.12: it crashes.
inline bool can_start_again(const Runtime& runtime) {
  return runtime.main().eval("__import__('sys').version_info >= (3, 13)") == Value(true);
}

/// What main() of such a program returns. Without an argument it prints the names.
inline int run_scenario(const Scenarios& scenarios, int argc, char** argv) {
  const auto scenario = scenarios.find(argc == 2 ? argv[1] : "");
  if (scenario == scenarios.end()) {
    for (const auto& [name, run] : scenarios) std::cout << name << "\n";
    return argc == 1 ? 0 : 2;
  }
  ::alarm(60);
  try {
    scenario->second();
  } catch (const std::exception& error) {
    std::cerr << "uncaught: " << error.what() << std::endl;
    return 1;
  }
  std::cout << "ok" << std::endl;
  return 0;
}

}  // namespace libatoll::test
