// Queues, channels and select between C++ threads, in a process that never starts Python. See
// scenarios.hpp.
#include <chrono>
#include <thread>

#include "../scenarios.hpp"
#include "atoll/atoll.hpp"

using namespace std::chrono_literals;

namespace {

void queues_without_python() {
  const auto queue = atoll::Queue::create(4);
  std::jthread producer([queue] {
    for (int i = 0; i < 1000; ++i) queue.put(atoll::Dict{{"number", i}});
  });
  for (int i = 0; i < 1000; ++i) CHECK(queue.get().at("number").as<int>() == i);
  CHECK(!queue.try_get(1ms));
  CHECK(atoll::Queue::from_id(queue.id()) == queue);
  CHECK(!atoll::Runtime::is_running());
}

void channels_without_python() {
  auto [tx, rx] = atoll::channel();
  auto [results, sum] = atoll::channel(1);
  std::jthread stage([&rx = rx, &results = results] {
    std::int64_t total = 0;
    for (const atoll::Value& value : rx) total += value.as<int>();
    results.send(total);
  });
  for (int i = 0; i < 1000; ++i) tx.send(i);
  tx.close();
  CHECK(atoll::select({sum, atoll::after(60s)}).value == atoll::Value(499500));
  CHECK(!atoll::Runtime::is_running());
}

/// Python comes and goes, and blocked threads do not notice.
void python_ends_while_they_wait() {
  const auto queue = atoll::Queue::create();
  auto [tx, rx] = atoll::channel();
  std::jthread getter([queue] { CHECK(queue.get() == atoll::Value("after")); });
  std::jthread receiver([&rx = rx] { CHECK(rx.recv() == atoll::Value("after")); });
  bool again = true;
  for (int round = 0; round < 2 && again; ++round) {
    atoll::Runtime runtime;
    again = libatoll::test::can_start_again(runtime);
    CHECK(runtime.main().eval("6 * 7") == atoll::Value(42));
    const auto python = atoll::Interpreter::create();
    CHECK(python.call("len", "four") == atoll::Value(4));
  }
  queue.put("after");
  tx.send("after");
}

const libatoll::test::Scenarios scenarios = {
#define SCENARIO(name) \
  { #name, name }
    SCENARIO(queues_without_python),
    SCENARIO(channels_without_python),
    SCENARIO(python_ends_while_they_wait),
#undef SCENARIO
};

}  // namespace

int main(int argc, char** argv) {
  return libatoll::test::run_scenario(scenarios, argc, argv);
}
