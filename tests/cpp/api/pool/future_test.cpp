// Futures of the public API.
#include "atoll/future.hpp"

#include <Python.h>

#include "api/support.hpp"

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace libatoll;
using namespace libatoll::test;

namespace {

/// Tasks that begin, say so, and go on when they are told to. Waiting in atoll, so that they can be
/// stopped; the package is needed for that.
class Gate {
 public:
  [[nodiscard]] Future<> submit_to(const Pool& pool, const TaskOptions& options = {}) const {
    return pool.submit_with("pass_through", {entered_, leave_}, {}, options);
  }
  void wait_for_one() const { (void)entered_.get(patience); }
  void let_one_go(const Value& value = {}) const { leave_.put(value); }

  static constexpr const char* source =
      "def pass_through(entered, leave):\n"
      "  entered.put(None)\n"
      "  return leave.get()\n";

 private:
  Queue entered_ = Queue::create();
  Queue leave_ = Queue::create();
};

Queue numbers_queue() {
  return Queue::create(7);
}

Pool small_pool() {
  return Pool::create({.interpreters = 1, .source = Gate::source});
}

}  // namespace

TEST_CASE("a result, as a Value or converted") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 1});
  const Future<> value = pool.submit("divmod", 7, 2);
  CHECK(value.get() == Value(Tuple{3, 1}));
  CHECK(value.get() == Value(Tuple{3, 1}));
  CHECK(pool.submit<std::pair<int, int>>("divmod", 7, 2).get() == std::pair(3, 1));
  const Future<double> root = pool.submit<double>("math:sqrt", 9);
  CHECK(root.get(patience) == 3.0);
  CHECK(root.try_get() == 3.0);
  CHECK(pool.submit<std::string>("str.upper", "a").get() == "A");
  CHECK_THROWS_AS((void)pool.submit<std::string>("len", "four").get(), ValueError);
  CHECK(pool.submit_with("dict", {}, {{"one", 1}}).get() == Value(Dict{{"one", 1}}));
}

TEST_CASE("what is built on a type of Value arrives as that, as from Interpreter::call()") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 1});
  CHECK(pool.submit("collections:Counter", "abca").get() ==
        Value(Dict{{"a", 2}, {"b", 1}, {"c", 1}}));
}

TEST_CASE("states of a task") {
  const Python python;
  const Pool pool = small_pool();
  const Gate gate;
  const Future<> first = gate.submit_to(pool);
  const Future<> second = gate.submit_to(pool);
  gate.wait_for_one();
  CHECK(first.is_running());
  CHECK_FALSE(first.is_done());
  CHECK_FALSE(second.is_running());
  CHECK_FALSE(second.is_done());
  CHECK_FALSE(first.wait(1ms));
  CHECK_FALSE(first.try_get());
  CHECK_THROWS_WITH_AS((void)first.get(1ms), "the task is not over in time", TimeoutError);
  gate.let_one_go("first");
  CHECK(first.wait(patience));
  CHECK(first.is_done());
  CHECK_FALSE(first.is_running());
  CHECK(first.get() == Value("first"));
  gate.let_one_go("second");
  CHECK(second.get(patience) == Value("second"));
}

TEST_CASE("copies mean the same task; a moved-from handle means none") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 1});
  Future<int> one = pool.submit<int>("len", "four");
  const AnyFuture same = one;
  CHECK(same == one);
  CHECK_FALSE(pool.submit("len", "") == one);
  const Future<int> moved = std::move(one);
  CHECK(moved.get() == 4);
  CHECK(same.is_done());
  // NOLINTBEGIN(bugprone-use-after-move)
  CHECK(one.is_done());
  CHECK_FALSE(one.is_running());
  CHECK_FALSE(one.is_cancelled());
  CHECK_THROWS_WITH_AS((void)one.get(), "this future was moved from", Error);
  CHECK_THROWS_AS(one.cancel(), Error);
  CHECK_THROWS_AS((void)select({one}), Error);
  // NOLINTEND(bugprone-use-after-move)
}

TEST_CASE("what a task raises is thrown each time") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 1,
      .source = "def outer(x): return inner(x)\ndef inner(x): return 1 / x\n",
      .filename = "the_file.py",
  });
  const Future<double> failed = pool.submit<double>("outer", 0);
  for (int i = 0; i < 2; ++i) {
    try {
      (void)failed.get();
      FAIL_CHECK("nothing was thrown");
    } catch (const ExecutionFailed& error) {
      CHECK(error.type() == "ZeroDivisionError");
      CHECK(error.message() == "division by zero");
      CHECK(error.traceback().find("\"the_file.py\", line 2, in inner") != std::string::npos);
    }
  }
  const auto type_of = [&](std::string_view callable, const auto&... args) {
    try {
      (void)pool.submit(callable, args...).get();
    } catch (const ExecutionFailed& error) {
      return error.type();
    }
    return std::string("nothing was thrown");
  };
  CHECK(type_of("nothing") == "NameError");
  CHECK(type_of("no_such_module:f") == "ModuleNotFoundError");
  CHECK(type_of("os:nothing") == "AttributeError");
  CHECK(type_of("sys:exit", 3) == "SystemExit");
  CHECK(type_of("json:loads", "{") == "json.decoder.JSONDecodeError");
  CHECK_THROWS_WITH_AS((void)pool.submit("set").get(),
                       "result: set object cannot become an atoll::Value (None, bool, int, float, "
                       "str, bytes, list, tuple and dict can)",
                       NotShareableError);
  CHECK(pool.run("outer", 2) == Value(0.5));
}

TEST_CASE("cancel before it begins") {
  const Python python;
  const Pool pool = small_pool();
  const Gate gate;
  const Future<> first = gate.submit_to(pool);
  const Future<> second = gate.submit_to(pool);
  gate.wait_for_one();
  std::jthread waits([&] { CHECK_THROWS_AS((void)second.get(), Cancelled); });
  CHECK_FALSE(first.cancel());
  CHECK(second.cancel());
  CHECK(second.cancel());
  CHECK(second.is_cancelled());
  CHECK(second.is_done());
  CHECK_THROWS_WITH_AS((void)second.get(), "the task was cancelled", Cancelled);
  gate.let_one_go(1);
  CHECK(first.get() == Value(1));
  CHECK_FALSE(first.cancel({.interrupt = true}));
  CHECK(pool.run("len", "four") == Value(4));
}

TEST_CASE("cancel what runs: waiting in atoll, or at work") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 1,
      .source = std::string(Gate::source) + "def spin(entered, leave):\n"
                                            "  entered.put(None)\n"
                                            "  while True: pass\n",
  });
  const Gate gate;
  const Queue entered = Queue::create();
  for (int round = 0; round < 20; ++round) {
    const Future<> task =
        round % 2 == 0 ? gate.submit_to(pool) : pool.submit("spin", entered, entered);
    if (round % 2 == 0) {
      gate.wait_for_one();
    } else {
      (void)entered.get(patience);
    }
    CHECK_FALSE(task.cancel());
    CHECK(task.cancel({.interrupt = true}));
    CHECK(task.is_cancelled());
    CHECK_THROWS_AS((void)task.get(), Cancelled);
    // The next one is not hit by it.
    CHECK(pool.run<int>("len", "four") == 4);
  }
}

TEST_CASE("a task that runs for too long") {
  const Python python;
  const Pool pool =
      Pool::create({.interpreters = 1, .source = "def spin():\n  while True: pass\n"});
  const Future<> spins = pool.submit_with("spin", {}, {}, {.timeout = 50ms});
  CHECK_THROWS_WITH_AS((void)spins.get(), "the task was stopped: it has run for more than 0.05 s",
                       TaskTimedOut);
  CHECK(spins.is_done());
  CHECK_FALSE(spins.is_cancelled());
  CHECK(pool.submit_with("len", {"four"}, {}, {.timeout = patience}).get() == Value(4));
  CHECK_THROWS_AS((void)pool.submit_with("len", {"four"}, {}, {.timeout = Timeout::none()}),
                  ValueError);
  CHECK_THROWS_AS((void)pool.submit_with("len", {"four"}, {}, {.timeout = -1s}), ValueError);
  CHECK(pool.stats().timed_out == 1);
}

TEST_CASE("futures in select") {
  const Python python;
  const Pool pool = small_pool();
  const Gate gate;
  const Future<> task = gate.submit_to(pool);
  auto [tx, rx] = channel(1);
  CHECK_FALSE(try_select({task, rx}));
  CHECK_THROWS_AS((void)select({task, rx}, 1ms), TimeoutError);
  tx.send("sent");
  CHECK(select({task, rx}).value == Value("sent"));
  std::jthread lets_go([&] { gate.let_one_go("result"); });
  Selected selected = select({rx, nullptr, task, after(patience)});
  CHECK(selected.index == 2);
  CHECK(selected.value == Value("result"));
  CHECK_FALSE(selected.closed);
  // It stays there.
  CHECK(select({task, rx}).value == Value("result"));
  CHECK(task.get() == Value("result"));

  const Future<int> typed = pool.submit<int>("len", "four");
  CHECK(select({typed}).value == Value(4));
  const Future<> failed = pool.submit("len", 4);
  CHECK_THROWS_AS((void)select({failed, rx}), ExecutionFailed);
  const Future<> cancelled = gate.submit_to(pool);
  CHECK(cancelled.cancel({.interrupt = true}));
  CHECK_THROWS_AS((void)select({cancelled, rx}), Cancelled);
  CHECK_FALSE(try_select({rx}));
}

TEST_CASE("the first of many") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 2});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(pool.submit<int>("abs", -i));
  std::vector<Case> cases(futures.begin(), futures.end());
  std::map<std::size_t, int> results;
  while (results.size() < futures.size()) {
    const Selected selected = select(cases, patience);
    results[selected.index] = selected.value.as<int>();
    cases[selected.index] = nullptr;
  }
  for (const auto& [index, result] : results) CHECK(result == static_cast<int>(index));
}

TEST_CASE("many threads wait for one task") {
  const Python python;
  const Pool pool = small_pool();
  const Gate gate;
  const Future<int> task = pool.submit_with<int>("pass_through", {Queue::create(), 1});
  CHECK_THROWS_AS((void)task.get(), ExecutionFailed);

  const Future<> awaited = gate.submit_to(pool);
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 100; ++round) right += awaited.get() == Value("it");
      });
    }
    gate.wait_for_one();
    gate.let_one_go("it");
  }
  CHECK(right == 800);
}

TEST_CASE("queues and ends of channels in results and arguments") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 1,
      .source = "def pump(rx, tx):\n"
                "  with rx, tx:\n"
                "    for value in rx: tx.send(value * 2)\n"
                "  return 'done'\n",
  });
  auto [numbers, in] = channel();
  auto [out, doubled] = channel();
  const Future<> task = pool.submit("pump", in, out);
  in.close();
  out.close();
  std::jthread feeds([&numbers = numbers] {
    for (int i = 0; i < 100; ++i) numbers.send(i);
    numbers.close();
  });
  int sum = 0;
  for (const Value& value : doubled) sum += value.as<int>();
  CHECK(sum == 9900);
  CHECK(task.get() == Value("done"));
  CHECK(pool.run<Queue>("list.__getitem__", List{numbers_queue()}, 0).maxsize() == 7);
}
