// The public API from many threads.
#include <Python.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "atoll/atoll.hpp"

using libatoll::Interpreter;
using libatoll::Value;

namespace {

/// A call that is inside an interpreter, on a thread of its own, until it is let go.
class BlockedCall {
 public:
  explicit BlockedCall(Interpreter python) {
    REQUIRE(pipe(entered_) == 0);
    REQUIRE(pipe(leave_) == 0);
    const std::string source = "import os; os.write(" + std::to_string(entered_[1]) +
                               ", b'x'); os.read(" + std::to_string(leave_[0]) + ", 1)";
    thread_ = std::thread([source, python = std::move(python)]() mutable {
      python.exec(source);
      const Interpreter last = std::move(python);  // goes before the thread does
    });
    char byte;
    REQUIRE(read(entered_[0], &byte, 1) == 1);
  }
  ~BlockedCall() {
    finish();
    for (int fd : {entered_[0], entered_[1], leave_[0], leave_[1]}) ::close(fd);
  }
  void finish() {
    if (!thread_.joinable()) return;
    CHECK(write(leave_[1], "x", 1) == 1);
    thread_.join();
  }

 private:
  int entered_[2];
  int leave_[2];
  std::thread thread_;
};

bool exists(std::int64_t id) {
  for (const Interpreter& python : Interpreter::list_all()) {
    if (python.id() == id) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("many threads, an interpreter each") {
  const atoll::Runtime runtime;
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i, &right] {
        for (int round = 0; round < 3; ++round) {
          const Interpreter python = Interpreter::create();
          python.set("n", i);
          python.exec("def f(k): return n * 1000 + k");
          for (int k = 0; k < 200; ++k) {
            if (python.call("f", k) == Value(i * 1000 + k)) ++right;
          }
        }
      });
    }
  }
  CHECK(right == 4 * 3 * 200);
}

TEST_CASE("many threads, the main interpreter: calls take turns") {
  const atoll::Runtime runtime;
  runtime.main().exec("count = []");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 100; ++k) runtime.main().call("count.append", k);
      });
    }
  }
  CHECK(runtime.main().eval("len(count)") == Value(400));
  runtime.main().exec("del count");
}

TEST_CASE("many threads, one interpreter: all calls either run or are refused") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  python.exec("count = []");
  std::atomic<int> ran{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 200; ++k) {
          try {
            python.call("count.append", k);
            ++ran;
          } catch (const atoll::InterpreterError& error) {
            if (std::string_view(error.what()) != "interpreter already running") throw;
          }
        }
      });
    }
  }
  CHECK(ran > 0);
  CHECK(python.eval("len(count)") == Value(ran.load()));
}

TEST_CASE("a running interpreter refuses a second thread, and close()") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  {
    BlockedCall blocked(python);
    CHECK(python.is_running());
    CHECK_THROWS_WITH_AS(python.exec("1"), "interpreter already running", atoll::InterpreterError);
    CHECK_THROWS_AS((void)python.get("os"), atoll::InterpreterError);
    CHECK_THROWS_WITH_AS(python.close(), "interpreter running", atoll::InterpreterError);
    CHECK_FALSE(python.is_closed());
  }
  CHECK_FALSE(python.is_running());
  CHECK(python.eval("1") == Value(1));
  std::jthread([&] { python.close(); }).join();
  CHECK(python.is_closed());
}

TEST_CASE("the last handle goes while it runs: it ends when that is done") {
  const atoll::Runtime runtime;
  std::optional<Interpreter> python = Interpreter::create();
  const std::int64_t id = python->id();
  BlockedCall blocked(*python);
  python.reset();
  CHECK(exists(id));
  blocked.finish();
  CHECK_FALSE(exists(id));
}

TEST_CASE("threads end before their interpreter, and the other way round") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  for (int i = 0; i < 20; ++i) std::thread([&] { python.call("len", "abc"); }).join();
  CHECK(python.eval("1 + 1") == Value(2));

  const Interpreter other = Interpreter::create();
  std::latch entered(1);
  std::latch closed(1);
  std::thread lives_longer([&] {
    CHECK(other.call("len", "abc") == Value(3));
    CHECK(python.eval("1") == Value(1));
    entered.count_down();
    closed.wait();
    CHECK_THROWS_AS(other.exec("1"), atoll::InterpreterNotFoundError);
    CHECK(Interpreter::create().call("len", "abcd") == Value(4));
  });
  entered.wait();
  other.close();
  closed.count_down();
  lives_longer.join();
}

TEST_CASE("native threads keep their PyGILState") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  std::thread([&] {
    CHECK(PyGILState_GetThisThreadState() == nullptr);
    python.call("len", "abc");
    runtime.main().call("len", "abc");
    CHECK(PyGILState_GetThisThreadState() == nullptr);
    const PyGILState_STATE held = PyGILState_Ensure();
    PyThreadState* const own = PyThreadState_Get();
    CHECK(PyThreadState_GetInterpreter(own) == PyInterpreterState_Main());
    CHECK(python.call("len", "abc") == Value(3));
    CHECK(runtime.main().call("len", "abc") == Value(3));
    CHECK(PyThreadState_Get() == own);
    PyGILState_Release(held);
    CHECK(PyGILState_GetThisThreadState() == nullptr);
  }).join();

  PyThreadState* const before = PyGILState_GetThisThreadState();
  python.call("len", "abc");
  runtime.main().call("len", "abc");
  CHECK(PyGILState_GetThisThreadState() == before);
}

TEST_CASE("creating and closing in many threads") {
  const atoll::Runtime runtime;
  const std::size_t before = Interpreter::list_all().size();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int round = 0; round < 5; ++round) {
          const Interpreter python = Interpreter::create();
          python.exec("import json, datetime, decimal");
          CHECK(python.call("json.dumps", round) == Value(std::to_string(round)));
          (void)Interpreter::list_all();
          if (round % 2 == 0) python.close();
        }
      });
    }
  }
  CHECK(Interpreter::list_all().size() == before);
}
