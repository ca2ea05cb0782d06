// Pools of the public API.
#include "atoll/pool.hpp"

#include <Python.h>

#include "api/support.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/session/session.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <list>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace libatoll;
using namespace libatoll::test;

namespace {

/// Two tasks of it meet: each waits for the other's number.
constexpr const char* meet =
    "def meet(mine, other, number):\n  mine.put(number)\n  return other.get()\n";

/// A task that says that it is there, and waits.
constexpr const char* hold =
    "def hold(entered, leave):\n"
    "  entered.put(None)\n"
    "  return leave.get()\n";

std::size_t interpreter_count() {
  return Interpreter::list_all().size();
}

}  // namespace

TEST_CASE("run, submit, keyword arguments") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 1,
      .source = "def f(a, b=2, *c, d=3): return [a, b, c, d]\n",
  });
  CHECK(pool.run("f", 1) == Value(List{1, 2, Tuple{}, 3}));
  CHECK(pool.run("f", 1, 2, 3, 4) == Value(List{1, 2, Tuple{3, 4}, 3}));
  CHECK(pool.run_with("f", {1}, {{"d", "x"}, {"b", 0}}) == Value(List{1, 0, Tuple{}, "x"}));
  CHECK(pool.run_with<List>("f", {1}).at(3) == Value(3));
  CHECK(pool.submit_with("f", {1}, {{"d", nullptr}}).get().at(3).is_none());
  CHECK(pool.run("list").as<List>().empty());
  CHECK(pool.run<double>("math:sqrt", 9) == 3.0);
  CHECK(pool.run<std::string>("json:dumps", Dict{{"a", List{1, nullptr}}}) ==
        R"({"a": [1, null]})");
  CHECK(pool.run<int>("len", std::string(100'000, 'x')) == 100'000);
  pool.submit("f", 1);  // nobody is obliged to look
  pool.shutdown();
  CHECK(pool.stats().finished == 10);
}

TEST_CASE("what cannot be sent is refused at once") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 1});
  CHECK_THROWS_WITH_AS(pool.submit("f", 1, List{"\xFF"}),
                       "argument 2[0]: the text is not UTF-8 (send it as atoll::Bytes)",
                       NotShareableError);
  CHECK_THROWS_AS(pool.submit_with("f", {}, {{"k", Dict{{List{}, 1}}}}), NotShareableError);
  CHECK_THROWS_AS(pool.submit_with("f", {}, {{1, 1}}), ValueError);
  CHECK_THROWS_AS((void)pool.map("f", std::vector<std::string>{"a", "\xFF"}), NotShareableError);
  CHECK(pool.stats().submitted == 0);
  CHECK_THROWS_AS(pool.run("\xFF"), NotShareableError);
  CHECK(pool.run("len", "four") == Value(4));
}

TEST_CASE("options that make no sense") {
  const Python python;
  CHECK_THROWS_WITH_AS((void)Pool::create({.threads = 0}),
                       "threads must be between 1 and 100000, not 0", ValueError);
  CHECK_THROWS_AS((void)Pool::create({.interpreters = 100'001}), ValueError);
  CHECK_THROWS_AS((void)Pool::create({.interpreters = 1000, .threads = 1000}), ValueError);
  CHECK_THROWS_AS((void)Pool::create({.initializer = "f", .initargs = {"\xFF"}}),
                  NotShareableError);
  const Pool pool = Pool::create();
  CHECK(pool.interpreters() >= 1);
  CHECK(pool.name().starts_with("atoll-pool-"));
  CHECK(pool.name() != Pool::create().name());
  CHECK(pool.stats().workers == 0);
  CHECK(pool.stats().interpreters == 0);
}

TEST_CASE("set-up: modules, source, initializer, in this order, once per interpreter") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 2,
      .preload = {"json", "xml.etree.ElementTree"},
      .source = "import sys\n"
                "steps = ['xml.etree.ElementTree' in sys.modules]\n"
                "def start(*args): steps.append(args)\n"
                "def get(): return steps\n",
      .filename = "set_up.py",
      .initializer = "start",
      .initargs = {1, "two"},
      .name = "wanted",
  });
  CHECK(pool.name() == "wanted");
  for (int i = 0; i < 10; ++i) CHECK(pool.run("get") == Value(List{true, Tuple{1, "two"}}));
}

TEST_CASE("a set-up that fails breaks the pool, and says why") {
  const Python python;
  const auto broken_by = [](const PoolOptions& options) {
    const Pool pool = Pool::create(options);
    std::vector<Future<>> futures;
    try {
      for (int i = 0; i < 3; ++i) futures.push_back(pool.submit("len", ""));
    } catch (const BrokenPool&) {
      // It was fast.
    }
    for (const Future<>& future : futures) CHECK_THROWS_AS((void)future.get(), BrokenPool);
    CHECK(pool.is_broken());
    CHECK_FALSE(pool.is_shut_down());
    CHECK_THROWS_AS((void)pool.map("len", std::vector<std::string>{"a"}), BrokenPool);
    CHECK_THROWS_AS((void)pool.take_interpreter(), BrokenPool);
    std::string text = text_of<BrokenPool>([&] { pool.submit("len", ""); });
    pool.shutdown();
    CHECK(pool.stats().failed == futures.size());
    return text;
  };
  // Pools of other tests, whose last handle has gone, may still be ending.
  REQUIRE(eventually([] { return interpreter_count() == 1; }));
  const std::string what =
      "the pool is broken: an interpreter could not be made, or its set-up failed: ";
  std::string text = broken_by({.interpreters = 2, .source = "x = 1\ny = 1 / 0"});
  CHECK(text.starts_with(what + "ZeroDivisionError: division by zero\n"));
  CHECK(text.find("line 2, in <module>") != std::string::npos);
  CHECK(broken_by({.source = "x = = 1"}).starts_with(what + "SyntaxError: "));
  CHECK(broken_by({.preload = {"no_such_module"}}).starts_with(what + "ModuleNotFoundError: "));
  CHECK(broken_by({.initializer = "nothing"}).starts_with(what + "NameError: "));
  CHECK(broken_by({.initializer = "len", .initargs = {1}}).starts_with(what + "TypeError: "));
  CHECK(broken_by({.source = "\xFF"}).starts_with(what + "SyntaxError: "));
  CHECK(broken_by({.initializer = "\xFF"}).find("NotShareableError: name") != std::string::npos);
  Config impossible = Config::empty();
  CHECK(broken_by({.config = impossible}).find("InterpreterError") != std::string::npos);
  CHECK(interpreter_count() == 1);
}

TEST_CASE("interpreters are made when they are needed, up to the number given") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 3, .threads = 2});
  CHECK(pool.run("len", "") == Value(0));
  CHECK(pool.stats().workers >= 1);
  std::vector<Future<>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(pool.submit("len", ""));
  for (const Future<>& future : futures) (void)future.get();
  CHECK(pool.stats().workers <= 6);
  CHECK(pool.stats().interpreters <= 3);
  CHECK(pool.stats().submitted == 101);
}

TEST_CASE("a task that waits has a worker as long as there may be one more") {
  const Python python;
  const Queue entered = Queue::create();
  const Queue leave = Queue::create();
  const Pool pool = Pool::create({.interpreters = 1, .threads = 60, .source = hold});
  // A worker may take what another one was started for: that one is idle then, and the first, who
  // was about to be, is not.
  for (std::size_t workers = 0; workers < 60; workers = pool.stats().workers) {
    std::vector<Future<>> hasty;
    for (int i = 0; i < 2; ++i) hasty.push_back(pool.submit("len", ""));
    for (const Future<>& future : hasty) (void)future.get();
    const std::size_t count = std::min<std::size_t>(pool.stats().workers + 1, 60);
    std::vector<Future<>> held;
    for (std::size_t i = 0; i < count; ++i) held.push_back(pool.submit("hold", entered, leave));
    for (std::size_t i = 0; i < count; ++i) REQUIRE(entered.try_get(20s));
    for (std::size_t i = 0; i < count; ++i) leave.put(nullptr);
    for (const Future<>& future : held) (void)future.get();
  }
  CHECK(pool.stats().workers == 60);
}

TEST_CASE("threads share an interpreter") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 1,
      .threads = 3,
      .source =
          std::string(meet) + "seen = []\ndef see(x):\n  seen.append(x)\n  return len(seen)\n",
  });
  const Queue a = Queue::create();
  const Queue b = Queue::create();
  const auto one = pool.submit<int>("meet", a, b, 1);
  const auto two = pool.submit<int>("meet", b, a, 2);
  CHECK(one.get(patience) == 2);
  CHECK(two.get(patience) == 1);
  CHECK(pool.run<int>("see", 1) == 1);
  CHECK(pool.run<int>("see", 2) == 2);
  CHECK(pool.stats().interpreters == 1);
}

TEST_CASE("map: in order, of any range, converted") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 2});
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), -500);
  const std::vector<int> absolute = pool.map<int>("abs", numbers);
  CHECK(absolute.front() == 500);
  CHECK(absolute[500] == 0);
  CHECK(absolute.back() == 499);
  CHECK(pool.stats().submitted <= 17);
  CHECK(pool.map<int>("abs", numbers, {.chunksize = 1}) == absolute);
  CHECK(pool.map<int>("abs", numbers, {.chunksize = 10'000}) == absolute);
  CHECK(pool.map("str.upper", std::list<std::string>{"a", "b"}) == List{"A", "B"});
  // A range that has no elements to refer to.
  CHECK(pool.map<bool>("operator:not_", std::vector<bool>{true, false}) ==
        std::vector<bool>{false, true});
  CHECK(pool.map<int>("len", std::set<std::string>{}).empty());
  CHECK(pool.map<double>("math:sqrt", List{4, 9.0}, {.task_timeout = patience}) ==
        std::vector{2.0, 3.0});
}

TEST_CASE("map: the first failure is thrown, the rest is cancelled") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 1,
      .source = "done = []\n"
                "def f(n):\n"
                "  done.append(n)\n"
                "  return 10 // n\n",
  });
  const std::vector<int> numbers{5, 2, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  CHECK_THROWS_AS((void)pool.map("f", numbers, {.chunksize = 1}), ExecutionFailed);
  CHECK_THROWS_AS((void)pool.map("f", numbers, {.chunksize = 5}), ExecutionFailed);
  CHECK_THROWS_WITH_AS((void)pool.map("set", std::vector<std::string>{"a"}),
                       "result 0: set object cannot become an atoll::Value (None, bool, int, "
                       "float, str, bytes, list, tuple and dict can)",
                       NotShareableError);
  CHECK(pool.map("f", std::vector{1, 2}) == List{10, 5});
  pool.shutdown();
  const PoolStats stats = pool.stats();
  CHECK(stats.failed == 3);
  CHECK(stats.submitted == stats.finished + stats.failed + stats.cancelled);
}

TEST_CASE("many threads submit, with and without a thread state") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 2, .threads = 2});
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        std::optional<Interpreter> own;
        if (i % 4 == 3) own = Interpreter::create();
        const PyGILState_STATE held = i % 4 == 1 ? PyGILState_Ensure() : PyGILState_UNLOCKED;
        std::vector<Future<int>> futures;
        for (int k = 0; k < 200; ++k) {
          futures.push_back(pool.submit<int>("abs", -k));
          if (own) right += own->call("abs", -k).as<int>() == k ? 0 : -1000;
          if (k % 50 == 0) right += pool.run<int>("abs", -k) == k ? 0 : -1000;
        }
        for (int k = 0; k < 200; ++k) right += futures[static_cast<std::size_t>(k)].get() == k;
        if (i % 4 == 1) PyGILState_Release(held);
      });
    }
  }
  CHECK(right == 1600);
  CHECK(pool.stats().submitted == 8 * 204);
  pool.shutdown();
  CHECK(pool.stats().finished == 8 * 204);
}

TEST_CASE("shutdown carries out what was submitted, and refuses the rest") {
  const Python python;
  const std::size_t before = interpreter_count();
  const Pool pool = Pool::create({.interpreters = 2});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(pool.submit<int>("abs", -i));
  CHECK_FALSE(pool.is_shut_down());
  pool.shutdown();
  CHECK(pool.is_shut_down());
  CHECK(interpreter_count() == before);
  for (int i = 0; i < 50; ++i) {
    CHECK(futures[static_cast<std::size_t>(i)].is_done());
    CHECK(futures[static_cast<std::size_t>(i)].get() == i);
  }
  CHECK_THROWS_WITH_AS(pool.submit("len", ""), "the pool was shut down", Closed);
  CHECK_THROWS_AS(pool.run("len", ""), Closed);
  CHECK_THROWS_AS((void)pool.map("len", std::vector<std::string>{"a"}), Closed);
  CHECK_THROWS_AS((void)pool.take_interpreter(), Closed);
  pool.shutdown();
  Pool::create().shutdown();  // which had nothing to do yet
}

TEST_CASE("shutdown can cancel what waits, and stop what runs") {
  const Python python;
  for (const bool interrupt : {false, true}) {
    const Pool pool = Pool::create({
        .interpreters = 1,
        .source = hold,
    });
    const Queue entered = Queue::create();
    const Queue leave = Queue::create();
    const Future<> runs = pool.submit("hold", entered, leave);
    const Future<> waits = pool.submit("len", "");
    const Future<> given_up = pool.submit("len", "");
    CHECK(given_up.cancel());
    (void)entered.get(patience);
    pool.shutdown({.wait = false});
    CHECK_FALSE(waits.is_done());
    pool.shutdown({.wait = false, .cancel_pending = !interrupt, .interrupt = interrupt});
    CHECK(waits.is_cancelled());
    if (!interrupt) leave.put("left");
    pool.shutdown();
    if (interrupt) {
      CHECK_THROWS_AS((void)runs.get(), Cancelled);
    } else {
      CHECK(runs.get() == Value("left"));
    }
    CHECK(pool.stats().cancelled == (interrupt ? 3 : 2));
    CHECK(pool.stats().finished == (interrupt ? 0 : 1));
    CHECK(pool.stats().waiting == 0);
  }
}

TEST_CASE("the last handle goes while tasks run and wait: they are carried out") {
  const Python python;
  const std::size_t before = interpreter_count();
  const Queue entered = Queue::create();
  const Queue leave = Queue::create();
  std::optional<Pool> pool = Pool::create({
      .interpreters = 1,
      .source = hold,
  });
  const Future<> runs = pool->submit("hold", entered, leave);
  const Future<> waits = pool->submit("len", "four");
  (void)entered.get(patience);
  pool.reset();
  leave.put(1);
  CHECK(runs.get(patience) == Value(1));
  CHECK(waits.get(patience) == Value(4));
  CHECK(eventually([&] { return interpreter_count() == before; }));
}

TEST_CASE("interpreters are replaced after so many tasks") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 1,
      .source = "count = 0\n"
                "def next():\n"
                "  global count\n"
                "  count += 1\n"
                "  return count\n",
      .max_tasks_per_interpreter = 3,
  });
  std::vector<int> counts;
  for (int i = 0; i < 7; ++i) counts.push_back(pool.run<int>("next"));
  CHECK(counts == std::vector{1, 2, 3, 1, 2, 3, 1});
  pool.shutdown();
  CHECK(pool.stats().recycled == 2);
}

TEST_CASE("warm spares, and interpreters for the caller") {
  const Python python;
  const std::size_t before = interpreter_count();
  std::optional<Interpreter> kept;
  {
    const Pool pool = Pool::create({.interpreters = 1, .source = "x = 42\n", .warm = 2});
    REQUIRE(eventually([&] { return pool.stats().spares == 2; }));
    kept = pool.take_interpreter();
    CHECK(kept->get("x") == Value(42));
    CHECK_FALSE(kept->is_running());
    CHECK(pool.run("len", "") == Value(0));
    REQUIRE(eventually([&] { return pool.stats().spares == 2; }));
    pool.shutdown();
    CHECK(pool.stats().spares == 0);
  }
  CHECK(kept->eval("x + 1") == Value(43));
  CHECK(interpreter_count() == before + 1);
  kept.reset();
  CHECK(interpreter_count() == before);
  const Pool cold = Pool::create({.interpreters = 1, .source = "x = 1\n"});
  CHECK(cold.take_interpreter().get("x") == Value(1));
}

TEST_CASE("to everybody else the pool's interpreters are running") {
  const Python python;
  const Pool pool = Pool::create({.interpreters = 1, .source = "import sys\n"});
  CHECK(pool.run("len", "") == Value(0));
  const std::vector<Interpreter> all = Interpreter::list_all();
  const Interpreter& member = all.back();
  CHECK(member.is_running());
  CHECK_THROWS_WITH_AS(member.exec("1"), "interpreter already running", InterpreterError);
  CHECK_THROWS_WITH_AS(member.close(), "interpreter running", InterpreterError);
  CHECK(pool.run("len", "four") == Value(4));
}

namespace {

// What Python code calls: functions of a program that embeds it.

std::optional<Pool> shared_pool;

PyObject* submit_from_task(PyObject*, PyObject*) {
  try {
    const Future<int> future = shared_pool->submit<int>("len", "from a task");
    std::string refused = "nothing was thrown";
    try {
      shared_pool->shutdown();
    } catch (const InterpreterError& error) {
      refused = error.what();
    }
    return PyUnicode_FromString(refused.c_str());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    return nullptr;
  }
}

PyMethodDef submit_definition = {"submit_from_task", submit_from_task, METH_NOARGS, nullptr};

/// Makes a C++ function known in the interpreter that the calling thread is in.
void bind_here(PyMethodDef& definition) {
  PyObject* const function = PyCFunction_New(&definition, nullptr);
  PyObject* const main = PyImport_AddModule("__main__");
  REQUIRE(function);
  REQUIRE(PyObject_SetAttrString(main, definition.ml_name, function) == 0);
  Py_DECREF(function);
}

}  // namespace

TEST_CASE("a task submits to its own pool, and must not wait for the end of it") {
  const Python python;
  // Tasks in interpreters that share the main one's GIL may call what is bound there.
  shared_pool = Pool::create({.interpreters = 1, .source = "def call(f): return f()\n"});
  const Pool& pool = *shared_pool;
  const Interpreter spare = pool.take_interpreter();
  CHECK(pool.run("len", "") == Value(0));
  {
    const Interpreter member = Interpreter::list_all().back();
    runtime::Session session(*runtime::Registry::instance().find(member.id()),
                             runtime::Session::Access::pin);
    bind_here(submit_definition);
  }
  CHECK(pool.run<std::string>("submit_from_task") ==
        "a task of the pool cannot wait for the end of the pool: it would wait for itself");
  pool.shutdown();
  CHECK(pool.stats().finished == 3);
  shared_pool.reset();
}

TEST_CASE("a pool made in a subinterpreter is at home there: its tasks are over when that ends") {
  const Python python;
  std::optional<Pool> pool;
  const Interpreter home = Interpreter::create();
  home.exec("import sys\nsys.path.insert(0, '/the/home')");
  {
    runtime::Session session(*runtime::Registry::instance().find(home.id()),
                             runtime::Session::Access::pin);
    pool = Pool::create({.interpreters = 2, .source = "import sys, time\n"});
  }
  CHECK(pool->run("sys.path.__getitem__", 0) == Value("/the/home"));
  std::vector<Future<>> futures;
  for (int i = 0; i < 10; ++i) futures.push_back(pool->submit("time.sleep", 0.02));
  home.close();
  for (const Future<>& future : futures) {
    CHECK(future.is_done());
    CHECK(future.get().is_none());
  }
  CHECK(pool->is_shut_down());
  CHECK_THROWS_AS(pool->submit("len", ""), Closed);
}

TEST_CASE("the home ends before the first worker has its interpreter") {
  const Python python;
  const Interpreter home = Interpreter::create();
  std::optional<Pool> pool;
  {
    runtime::Session session(*runtime::Registry::instance().find(home.id()),
                             runtime::Session::Access::pin);
    pool = Pool::create({.interpreters = 1});
  }
  const Future<int> future = pool->submit<int>("len", "four");
  home.close();
  CHECK(future.get() == 4);

  const Interpreter other = Interpreter::create();
  std::optional<Pool> idle;
  {
    runtime::Session session(*runtime::Registry::instance().find(other.id()),
                             runtime::Session::Access::pin);
    idle = Pool::create({.interpreters = 1});
  }
  other.close();
  CHECK(idle->is_shut_down());
  CHECK_THROWS_AS(idle->submit("len", ""), Closed);
  idle->shutdown();
}

#ifdef ATOLL_TEST_PACKAGE

TEST_CASE("pools of Python's in an interpreter that is closed finish their tasks") {
  const Python python;
  const Queue results = Queue::create();
  const Interpreter home = Interpreter::create();
  home.set("results", results);
  home.exec(
      "import atoll\n"
      "def work(results, n):\n"
      "  import time\n"
      "  time.sleep(0.02)\n"
      "  results.put(n)\n"
      "pool = atoll.Pool(2)\n"
      "for n in range(6): pool.submit(work, results, n)\n");
  home.close();
  CHECK(results.size() == 6);
}

#endif

TEST_CASE("copies, and handles that were moved from") {
  const Python python;
  Pool pool = Pool::create({.interpreters = 1});
  const Pool same = pool;
  CHECK(same == pool);
  const Pool moved = std::move(pool);
  CHECK(same == moved);
  // NOLINTBEGIN(bugprone-use-after-move)
  CHECK_THROWS_WITH_AS(pool.submit("len", ""), "this pool's handle was moved from", Error);
  CHECK_THROWS_AS(pool.shutdown(), Error);
  CHECK(pool.is_shut_down());
  CHECK_FALSE(pool.is_broken());
  // NOLINTEND(bugprone-use-after-move)
  CHECK(moved.run("len", "four") == Value(4));
}

TEST_CASE("results outlive the pool; what has come of tasks does not change") {
  const Python python;
  std::optional<Future<>> good;
  std::optional<Future<>> bad;
  {
    const Pool pool = Pool::create({.interpreters = 1});
    good = pool.submit("dict", List{Tuple{"a", List{1}}});
    bad = pool.submit("len", 1);
    pool.shutdown();
  }
  CHECK(good->get() == Value(Dict{{"a", List{1}}}));
  CHECK_THROWS_AS((void)bad->get(), ExecutionFailed);
  CHECK_FALSE(good->cancel({.interrupt = true}));
}

TEST_CASE("stress: submit, cancel, time out, wait and drop in eight threads") {
  const Python python;
  const Pool pool = Pool::create({
      .interpreters = 2,
      .threads = 2,
      .source = "def spin(n):\n"
                "  x = 0\n"
                "  for i in range(n): x += i\n"
                "  return x\n",
      .max_tasks_per_interpreter = 500,
  });
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        for (int k = 0; k < 150; ++k) {
          const Future<int> task = pool.submit_with<int>(
              "spin", {k * 20}, {}, {.timeout = i % 4 == 0 ? Timeout(100us) : Timeout::never()});
          if (i % 4 == 1 && k % 2 == 0) task.cancel({.interrupt = k % 4 == 0});
          if (i % 4 == 2) continue;
          try {
            wrong += task.get() != k * 20 * (k * 20 - 1) / 2;
          } catch (const Cancelled&) {
            wrong += i % 4 != 1;
          } catch (const TaskTimedOut&) {
            wrong += i % 4 != 0;
          }
        }
      });
    }
  }
  CHECK(wrong == 0);
  pool.shutdown();
  const PoolStats stats = pool.stats();
  CHECK(stats.failed == 0);
  CHECK(stats.submitted == 8 * 150);
  CHECK(stats.submitted == stats.finished + stats.cancelled + stats.timed_out);
}
