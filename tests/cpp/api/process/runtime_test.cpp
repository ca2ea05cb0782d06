// Joining a CPython that runs. Starting and ending one is tested by programs/.
#include "atoll/runtime.hpp"

#include <Python.h>
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <thread>

#include "atoll/error.hpp"
#include "py/cpython_compat.hpp"

using libatoll::py::attached_thread_state;

TEST_CASE("a Runtime detaches the thread that joins, and puts it back") {
  PyThreadState* const before = attached_thread_state();
  REQUIRE(before);
  {
    libatoll::Runtime runtime;
    CHECK_FALSE(runtime.owns_python());
    CHECK(attached_thread_state() == nullptr);
    CHECK(runtime.main().eval("1 + 1").as<int>() == 2);
    {
      libatoll::Runtime second;
      CHECK(attached_thread_state() == nullptr);
    }
    CHECK(attached_thread_state() == nullptr);
    runtime.close();
    CHECK(attached_thread_state() == before);
    runtime.close();
  }
  CHECK(attached_thread_state() == before);
  CHECK(libatoll::Runtime::is_running());
}

TEST_CASE("a thread without an interpreter joins and leaves as it came") {
  const libatoll::Runtime outer;
  std::thread([] {
    libatoll::Runtime runtime;
    CHECK(runtime.main().eval("1 + 1").as<int>() == 2);
    CHECK(attached_thread_state() == nullptr);
  }).join();
}

TEST_CASE("only the thread that joined from inside can leave") {
  auto runtime = std::make_unique<libatoll::Runtime>();
  std::thread([&] { CHECK_THROWS_AS(runtime->close(), libatoll::InterpreterError); }).join();
  runtime.reset();
  CHECK(attached_thread_state());
}

TEST_CASE("joining from inside another interpreter") {
  std::optional<libatoll::Runtime> outer(std::in_place);
  const auto python = libatoll::Interpreter::create();
  outer.reset();
  PyThreadState* const before = PyThreadState_Get();
  PyThreadState* const state = Py_NewInterpreter();
  REQUIRE(state);
  {
    const libatoll::Runtime runtime;
    CHECK(python.eval("1 + 1").as<int>() == 2);
    CHECK(libatoll::Interpreter::list_all().size() == 3);
  }
  CHECK(PyThreadState_Get() == state);
  CHECK(libatoll::Interpreter::current().whence() == libatoll::Whence::capi);
  CHECK_THROWS_AS(libatoll::Interpreter::current().close(), libatoll::InterpreterError);
  Py_EndInterpreter(state);
  PyThreadState_Swap(before);
}
