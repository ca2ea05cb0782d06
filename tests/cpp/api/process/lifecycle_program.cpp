// Starting CPython, ending it, and leaving the process in every state. Each scenario is a process
// of its own: lifecycle_program <scenario>. It succeeds with status 0 and "ok" as the last line.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../../support.hpp"
#include "../scenarios.hpp"
#include "atoll/atoll.hpp"

using libatoll::Interpreter;
using libatoll::Runtime;
using libatoll::Value;
using libatoll::test::text_of;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

/// Never destroyed, and no leak in the eyes of a leak checker.
template <class T>
T* leave_behind(T* object) {
  [[maybe_unused]] static T* volatile left = nullptr;
  left = object;
  return object;
}

/// Runs `source` in `python` on a detached thread; comes back when it is in there.
std::thread run_elsewhere(Interpreter python, const std::string& source,
                          std::atomic<bool>* done = nullptr) {
  int fds[2];
  CHECK(pipe(fds) == 0);
  const std::string announced =
      "import os, time; os.write(" + std::to_string(fds[1]) + ", b'x')\n" + source;
  std::thread thread([python = std::move(python), announced, done] {
    try {
      python.exec(announced);
    } catch (const atoll::Error&) {
      // told to stop
    }
    if (done) *done = true;
  });
  char byte;
  CHECK(read(fds[0], &byte, 1) == 1);
  return thread;
}

// --- scenarios -----------------------------------------------------------------------------------

void starts_with_options() {
  ::setenv("PYTHONPATH", "/from/the/environment", 1);
  Runtime runtime({.argv = {"program", "\xC3\xA4"}, .path = {"/first", "/second"}});
  CHECK(runtime.owns_python());
  const Interpreter main = runtime.main();
  main.exec("import sys");
  CHECK(main.eval("sys.argv") == Value(atoll::List{"program", "\xC3\xA4"}));
  CHECK(main.eval("sys.path[:3]") ==
        Value(atoll::List{"/first", "/second", "/from/the/environment"}));
  CHECK(Interpreter::create().eval("__import__('sys').path[0]") == Value("/first"));
  CHECK(main.eval("'%d.%d.%d' % sys.version_info[:3]").as<std::string>() ==
        runtime.python_version().substr(0, runtime.python_version().find_first_of("abcr+")));
  // The Python beside the library in use, not the first on PATH.
  CHECK(main.eval("sys.executable")
            .as<std::string>()
            .ends_with(main.eval("'python%d.%d' % sys.version_info[:2]").as<std::string>()));
  CHECK(main.eval("sys.flags.isolated").as<int>() == 0);
}

void starts_isolated() {
  ::setenv("PYTHONPATH", "/from/the/environment", 1);
  Runtime runtime({.isolated = true});
  CHECK(runtime.main().eval("'/from/the/environment' in __import__('sys').path") == Value(false));
  CHECK(runtime.main().eval("__import__('sys').flags.isolated").as<int>() == 1);
}

void starts_twice() {
  Runtime first;
  {
    Runtime second;
    CHECK(first.owns_python() && !second.owns_python());
    second.close();
    CHECK(Runtime::is_running());
  }
  std::thread([] { CHECK(!Runtime().owns_python()); }).join();
  CHECK(first.main().eval("1").as<int>() == 1);
}

void starts_again() {
  for (int round = 0; round < 3; ++round) {
    Runtime runtime;
    CHECK(runtime.owns_python());
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([] {
        const Interpreter python = Interpreter::create();
        python.exec("import json, datetime, decimal");
        CHECK(python.call("json.dumps", "x") == Value("\"x\""));
      });
    }
    threads.clear();
    CHECK(runtime.main().call("json:loads", "[1]") == Value(atoll::List{1}));
    const bool again = libatoll::test::can_start_again(runtime);
    if (round != 1) runtime.close();
    if (again) continue;
    const std::string refused = text_of<libatoll::StartupError>([] { const Runtime second; });
    CHECK(refused.find("cannot be started a second time") != std::string::npos);
    return;
  }
}

void nothing_works_without() {
  using libatoll::InterpreterError;
  const std::string expected = "Python is not running: an atoll::Runtime starts it";
  CHECK(text_of<InterpreterError>([] { (void)Interpreter::create(); }) == expected);
  CHECK(text_of<InterpreterError>([] { (void)Interpreter::main(); }) == expected);
  CHECK(text_of<InterpreterError>([] { (void)Interpreter::list_all(); }) == expected);
  std::optional<Interpreter> python;
  std::optional<Interpreter> main;
  {
    Runtime runtime;
    python = Interpreter::create();
    main = runtime.main();
  }
  CHECK(!Runtime::is_running());
  CHECK(python->is_closed() && main->is_closed());
  CHECK(text_of<InterpreterError>([&] { python->exec("1"); }).starts_with("unrecognized"));
  CHECK(text_of<InterpreterError>([&] { main->exec("1"); }) == expected);
  CHECK(text_of<InterpreterError>([&] { (void)Interpreter::current(); }) == expected);
}

void bad_program_name() {
  // CPython prints why, then refuses.
  Runtime runtime({.program_name = "/no/such/bin/python"});
  CHECK(runtime.main().eval("1 + 1").as<int>() == 2);
}

void bad_home() {
  ::setenv("PYTHONHOME", "/no/such/place", 1);
  CHECK(text_of<atoll::StartupError>([] { Runtime runtime; }) != "nothing was thrown");
}

void closes_leftovers() {
  static std::optional<Interpreter> forgotten;
  Runtime runtime;
  forgotten = Interpreter::create();
  forgotten->exec("import atexit; atexit.register(print, 'leftover closed', flush=True)");
  leave_behind(new Interpreter(Interpreter::create()));
  runtime.main().exec(
      "import threading, time\n"
      "def work():\n"
      "  time.sleep(0.1)\n"
      "  print('thread done', flush=True)\n"
      "threading.Thread(target=work).start()");
  runtime.close();
  CHECK(forgotten->is_closed());
}

void closes_on_the_starting_thread_only() {
  Runtime runtime;
  std::thread([&] {
    CHECK(text_of<atoll::InterpreterError>([&] { runtime.close(); }) ==
          "the runtime must be closed by the thread that started it");
  }).join();
  CHECK(runtime.main().eval("1").as<int>() == 1);
}

void starts_on_another_thread() {
  std::thread([] {
    Runtime runtime;
    CHECK(Interpreter::create().eval("1").as<int>() == 1);
  }).join();
  CHECK(!Runtime::is_running());
}

void stops_what_runs() {
  Runtime runtime;
  std::atomic<bool> done{false};
  std::thread thread = run_elsewhere(Interpreter::create(), "while True: pass", &done);
  runtime.close();
  thread.join();
  CHECK(done);
}

void refuses_to_close_what_does_not_stop() {
  Runtime runtime;
  for (const Interpreter& python : {Interpreter::create(), runtime.main()}) {
    // One call into C that says that it is there, and then blocks until all is read.
    int fds[2];
    CHECK(pipe(fds) == 0);
    std::thread thread([python, end = fds[1]] {
      try {
        python.exec("import os; os.write(" + std::to_string(end) + ", bytes(1 << 20))");
      } catch (const atoll::Error&) {
        // told to stop, afterwards
      }
    });
    std::vector<char> bytes(1 << 20);
    CHECK(read(fds[0], bytes.data(), 1) == 1);
    const auto start = Clock::now();
    const std::string text = text_of<atoll::InterpreterError>([&] { runtime.close(); });
    CHECK(text == (python.is_main() ? "another thread still uses the main interpreter"
                                    : "code still runs in interpreter 1"));
    CHECK(Clock::now() - start < 60s);
    CHECK(runtime.owns_python());
    CHECK(runtime.main().eval("1").as<int>() == 1);
    CHECK(Interpreter::create().eval("1").as<int>() == 1);
    for (std::size_t left = bytes.size() - 1; left != 0;) {
      left -= static_cast<std::size_t>(read(fds[0], bytes.data(), left));
    }
    thread.join();
  }
  runtime.close();
  CHECK(!Runtime::is_running());
}

void calls_while_closing() {
  auto runtime = std::make_unique<Runtime>();
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const Interpreter own = Interpreter::create();
      while (!stop) {
        try {
          own.call("len", "abc");
          ++calls;
          calls.notify_one();
          if (i == 0) Interpreter::main().call("len", "abc");
          if (i == 1) (void)Interpreter::create();
          if (i == 2) (void)Interpreter::list_all();
        } catch (const atoll::InterpreterError&) {
          break;  // closed
        }
      }
    });
  }
  for (int seen = 0; seen < 100; seen = calls) calls.wait(seen);
  while (Runtime::is_running()) {
    try {
      runtime->close();
    } catch (const atoll::InterpreterError& error) {
      std::cout << error.what() << std::endl;
    }
  }
  stop = true;
}

// Leaving the process without closing: "ok" comes before, and nothing bad after it.

[[noreturn]] void leave(int status) {
  std::cout << "ok" << std::endl;
  std::exit(status);
}

void exits_without_closing() {
  auto* const runtime = leave_behind(new Runtime);
  auto* const python = leave_behind(new Interpreter(Interpreter::create()));
  python->exec("print('buffered in a subinterpreter')");
  runtime->main().exec("import atexit; atexit.register(print, 'ok')\nprint('buffered')");
  std::exit(0);  // Python's own atexit callback says that it is well
}

void exits_with_static_objects() {
  static Runtime runtime;
  static const Interpreter python = Interpreter::create();
  python.exec("x = [1]");
  leave(0);
}

void exits_while_threads_run() {
  auto* const runtime = leave_behind(new Runtime);
  run_elsewhere(Interpreter::create(), "while True: pass").detach();
  run_elsewhere(Interpreter::create(), "time.sleep(1000)").detach();
  run_elsewhere(runtime->main(), "time.sleep(1000)").detach();
  leave(0);
}

void returns_while_threads_run() {
  Runtime runtime;
  run_elsewhere(Interpreter::create(), "time.sleep(1000)").detach();
}

void exits_on_another_thread() {
  leave_behind(new Runtime);
  auto python = Interpreter::create();
  std::thread([] { leave(0); }).join();
}

// Ctrl-C.

/// Ctrl-C when the code has begun, which is all that `python` runs.
void check_interrupt(const Interpreter& python, const std::string& code) {
  int fds[2];
  CHECK(::pipe(fds) == 0);
  std::jthread presses([&] {
    char begun;
    if (::read(fds[0], &begun, 1) == 1) ::kill(::getpid(), SIGINT);
  });
  std::string type = "nothing was thrown";
  const auto start = Clock::now();
  try {
    python.exec("import os; os.write(" + std::to_string(fds[1]) + ", b'x')\n" + code);
  } catch (const atoll::ExecutionFailed& error) {
    type = error.type();
  }
  CHECK(type == "KeyboardInterrupt");
  CHECK(Clock::now() - start < 30s);
  ::close(fds[0]);
  ::close(fds[1]);
}

void interrupts() {
  Runtime runtime({.install_signal_handlers = true});
  const Interpreter python = Interpreter::create();
  for (int round = 0; round < 2; ++round) {
    check_interrupt(python, "while True: pass");
    check_interrupt(runtime.main(), "while True: pass");
    check_interrupt(runtime.main(), "import time; time.sleep(600)");
    CHECK(python.eval("1 + 1").as<int>() == 2);
    CHECK(runtime.main().eval("sum(range(1000))").as<int>() == 499500);
  }
}

void leaves_signals_alone() {
  struct sigaction before, after;
  sigaction(SIGINT, nullptr, &before);
  Runtime runtime;
  Interpreter::create().exec("import signal");
  sigaction(SIGINT, nullptr, &after);
  CHECK(before.sa_handler == after.sa_handler);
}

const libatoll::test::Scenarios scenarios = {
#define SCENARIO(name) \
  { #name, name }
    SCENARIO(starts_with_options),
    SCENARIO(starts_isolated),
    SCENARIO(starts_twice),
    SCENARIO(starts_again),
    SCENARIO(nothing_works_without),
    SCENARIO(bad_program_name),
    SCENARIO(bad_home),
    SCENARIO(closes_leftovers),
    SCENARIO(closes_on_the_starting_thread_only),
    SCENARIO(starts_on_another_thread),
    SCENARIO(stops_what_runs),
    SCENARIO(refuses_to_close_what_does_not_stop),
    SCENARIO(calls_while_closing),
    SCENARIO(exits_without_closing),
    SCENARIO(exits_with_static_objects),
    SCENARIO(exits_while_threads_run),
    SCENARIO(returns_while_threads_run),
    SCENARIO(exits_on_another_thread),
    SCENARIO(interrupts),
    SCENARIO(leaves_signals_alone),
#undef SCENARIO
};

}  // namespace

int main(int argc, char** argv) {
  return libatoll::test::run_scenario(scenarios, argc, argv);
}
