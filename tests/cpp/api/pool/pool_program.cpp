// Pools at the end of the Runtime, and of the process. See scenarios.hpp.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../../support.hpp"
#include "../scenarios.hpp"
#include "atoll/atoll.hpp"

using libatoll::Closed;
using libatoll::Future;
using libatoll::Pool;
using libatoll::Runtime;
using libatoll::Value;
using libatoll::test::text_of;
using namespace std::chrono_literals;

namespace {

/// Never destroyed, and no leak in the eyes of a leak checker.
template <class T>
T* leave_behind(T* object) {
  [[maybe_unused]] static T* volatile left = nullptr;
  left = object;
  return object;
}

/// Tasks that say through a pipe that they are there, and wait until all of another is read.
class Held {
 public:
  Held() {
    CHECK(pipe(entered_) == 0);
    CHECK(pipe(leave_) == 0);
  }
  [[nodiscard]] Future<> submit_to(const Pool& pool) const {
    Future<> future = pool.submit("hold", entered_[1], leave_[0]);
    char byte;
    CHECK(read(entered_[0], &byte, 1) == 1);
    return future;
  }
  void let_go() const { CHECK(write(leave_[1], "x", 1) == 1); }

  static constexpr const char* source =
      "import os\n"
      "def hold(entered, leave):\n"
      "  os.write(entered, b'x')\n"
      "  return os.read(leave, 1)\n"
      "def spin(entered):\n"
      "  os.write(entered, b'x')\n"
      "  while True: pass\n";
  /// One that can be stopped.
  [[nodiscard]] Future<> spin_in(const Pool& pool) const {
    Future<> future = pool.submit("spin", entered_[1]);
    char byte;
    CHECK(read(entered_[0], &byte, 1) == 1);
    return future;
  }

 private:
  int entered_[2];
  int leave_[2];
};

// --- scenarios -----------------------------------------------------------------------------------

void close_carries_tasks_out() {
  Runtime runtime;
  const Held held;
  const Pool open = Pool::create({.interpreters = 1, .source = Held::source});
  std::vector<Future<>> futures;
  futures.push_back(held.submit_to(open));
  for (int i = 0; i < 10; ++i) futures.push_back(open.submit("len", "four"));
  {
    const Pool dropped = Pool::create({.interpreters = 2, .source = "import time\n"});
    for (int i = 0; i < 10; ++i) futures.push_back(dropped.submit("time.sleep", 0.01));
  }
  const Pool warm = Pool::create({.interpreters = 1, .warm = 2});
  const Pool unused = Pool::create();
  std::jthread lets_go([&] { held.let_go(); });
  runtime.close();
  CHECK(!Runtime::is_running());
  for (const Future<>& future : futures) {
    CHECK(future.is_done());
    (void)future.get();
  }
  CHECK(futures[1].get() == Value(4));
  for (const Pool& pool : {open, warm, unused}) {
    CHECK(pool.is_shut_down());
    CHECK(text_of<atoll::InterpreterError>([&] { pool.submit("len", ""); }) ==
          "Python is not running: an atoll::Runtime starts it");
    pool.shutdown();
  }
}

void destructors_in_any_order() {
  std::optional<Pool> pool;
  std::optional<Future<int>> future;
  {
    Runtime runtime;
    pool = Pool::create({.interpreters = 1});
    future = pool->submit<int>("len", "four");
  }
  CHECK(future->get() == 4);
  CHECK(!future->cancel({.interrupt = true}));
}

void static_objects() {
  static std::optional<Future<int>> future;
  static std::optional<Pool> pool;
  static Runtime runtime;
  pool = Pool::create({.interpreters = 2, .warm = 1});
  future = pool->submit<int>("len", "four");
}

void starts_again() {
  std::optional<Pool> former;
  bool again = true;
  for (int round = 0; round < 3 && again; ++round) {
    Runtime runtime;
    again = libatoll::test::can_start_again(runtime);
    if (former) {
      CHECK(text_of<Closed>([&] { former->submit("len", ""); }) == "the pool was shut down");
    }
    const Pool pool = Pool::create({.interpreters = 2});
    CHECK(pool.map<int>("len", std::vector<std::string>{"a", "bc"}) == std::vector({1, 2}));
    // This one has never had a task.
    former = Pool::create({.interpreters = 1});
  }
}

void nothing_works_without() {
  const std::string expected = "Python is not running: an atoll::Runtime starts it";
  CHECK(text_of<atoll::InterpreterError>([] { (void)Pool::create(); }) == expected);
}

void submits_while_closing() {
  Runtime runtime;
  std::atomic<int> right{0};
  std::atomic<int> going{3};
  std::vector<std::jthread> threads;
  std::atomic<bool> begun{false};
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      try {
        for (int k = 0;; ++k) {
          const Pool own = Pool::create({.interpreters = 1});
          for (int n = 0; n < 100; ++n) right += own.run<int>("abs", -n) == n ? 0 : 1;
          if (i == 0) own.shutdown();
          if (k != 1) continue;
          begun = true;
          begun.notify_all();
        }
      } catch (const atoll::InterpreterError&) {
        // Python is being ended
      } catch (const Closed&) {
        // the pool is
      }
      --going;
    });
  }
  begun.wait(false);
  while (Runtime::is_running()) {
    try {
      runtime.close();
    } catch (const atoll::InterpreterError& error) {
      std::cout << error.what() << std::endl;
    }
  }
  threads.clear();
  CHECK(right == 0);
  CHECK(going == 0);
}

/// Needs the package (see CMakeLists.txt).
void python_pools_end_with_the_runtime() {
#ifdef ATOLL_TEST_PACKAGE
  Runtime runtime({.path = {ATOLL_TEST_PACKAGE}});
  int fds[2];
  CHECK(pipe(fds) == 0);
  runtime.main().set("fd", fds[1]);
  runtime.main().exec(
      "import atoll, os, time\n"
      "pool = atoll.Pool(2)\n"
      "for _ in range(6):\n"
      "  pool.submit(time.sleep, 0.02)\n"
      "  pool.submit(os.write, fd, b'x')\n");
  runtime.close();
  char bytes[16];
  ::close(fds[1]);
  CHECK(read(fds[0], bytes, sizeof bytes) == 6);
#endif
}

void close_after_ctrl_c(const std::string& source) {
  Runtime runtime({.install_signal_handlers = true});
  runtime.main().exec(source);
  const Held held;
  const Pool pool = Pool::create({.interpreters = 1, .source = Held::source});
  const Future<> spins = held.spin_in(pool);
  const Future<> waits = pool.submit("len", "");
  // Before the wait, which looks for it first. (When the wait has begun, nothing tells from
  // outside.)
  ::kill(::getpid(), SIGINT);
  runtime.close();
  CHECK(spins.is_cancelled());
  CHECK(waits.is_cancelled());
}

void ctrl_c_stops_the_wait_for_tasks() {
  close_after_ctrl_c("");
}

void ctrl_c_stops_the_wait_for_threads_and_tasks() {
  close_after_ctrl_c("import threading");
}

// Leaving the process without closing: "ok" comes before, and nothing bad after it.

[[noreturn]] void leave(int status) {
  std::cout << "ok" << std::endl;
  std::exit(status);
}

void exit_stops_tasks() {
  leave_behind(new Runtime);
  auto* const pool =
      leave_behind(new Pool(Pool::create({.interpreters = 2, .source = Held::source})));
  const Held held;
  (void)held.spin_in(*pool);
  (void)held.spin_in(*pool);
  for (int i = 0; i < 100; ++i) pool->submit("len", "");
  leave(0);
}

void exit_leaves_what_blocks() {
  leave_behind(new Runtime);
  const Held held;
  auto* const pool =
      leave_behind(new Pool(Pool::create({.interpreters = 1, .source = Held::source, .warm = 1})));
  (void)held.submit_to(*pool);
  pool->submit("len", "");
  leave(0);
}

void exit_on_another_thread() {
  leave_behind(new Runtime);
  const Held held;
  auto* const pool =
      leave_behind(new Pool(Pool::create({.interpreters = 1, .source = Held::source})));
  (void)held.spin_in(*pool);
  std::thread([] { leave(0); }).join();
}

const libatoll::test::Scenarios scenarios = {
#define SCENARIO(name) \
  { #name, name }
    SCENARIO(close_carries_tasks_out),
    SCENARIO(destructors_in_any_order),
    SCENARIO(static_objects),
    SCENARIO(starts_again),
    SCENARIO(nothing_works_without),
    SCENARIO(submits_while_closing),
    SCENARIO(python_pools_end_with_the_runtime),
    SCENARIO(ctrl_c_stops_the_wait_for_tasks),
    SCENARIO(ctrl_c_stops_the_wait_for_threads_and_tasks),
    SCENARIO(exit_stops_tasks),
    SCENARIO(exit_leaves_what_blocks),
    SCENARIO(exit_on_another_thread),
#undef SCENARIO
};

}  // namespace

int main(int argc, char** argv) {
  return libatoll::test::run_scenario(scenarios, argc, argv);
}
