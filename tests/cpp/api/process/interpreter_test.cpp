// Running code through the public API, in one thread.
#include "atoll/interpreter.hpp"

#include <Python.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "atoll/atoll.hpp"

using libatoll::ExecutionFailed;
using libatoll::Interpreter;
using libatoll::List;
using libatoll::Tuple;
using libatoll::Value;

namespace {

/// What `action` throws.
template <class Action>
ExecutionFailed failure_of(Action action) {
  try {
    action();
  } catch (const ExecutionFailed& error) {
    return error;
  }
  return {"nothing was thrown", "", ""};
}

}  // namespace

TEST_CASE("exec, eval, set, get") {
  const atoll::Runtime runtime;
  for (const bool in_main : {false, true}) {
    CAPTURE(in_main);
    const Interpreter python = in_main ? Interpreter::main() : Interpreter::create();
    python.exec("x = 1\ndef f(a, b=2, *c, d=3): return [a, b, c, d]\n");
    CHECK(python.get("x") == Value(1));
    python.set("x", List{"\xC3\xA4", nullptr});
    CHECK(python.eval("x[0]") == Value("\xC3\xA4"));
    CHECK(python.eval(" 1 + 1\n") == Value(2));
    CHECK(python.call("f", 1) == Value(List{1, 2, Tuple{}, 3}));
    CHECK(python.call("f", 1, 2, 3, 4) == Value(List{1, 2, Tuple{3, 4}, 3}));
    CHECK(python.call_with("f", {1}, {{"d", "x"}, {"b", 0}}) == Value(List{1, 0, Tuple{}, "x"}));
    CHECK(python.call("f", std::vector{1, 2}).at(0).as<std::vector<int>>() == std::vector{1, 2});
    python.exec("del x, f");
  }
}

TEST_CASE("callables are found by name") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  python.exec("class A:\n  class B:\n    @staticmethod\n    def f(): return 'here'\nimport math");
  CHECK(python.call("len", "four") == Value(4));
  CHECK(python.call("A.B.f") == Value("here"));
  CHECK(python.call("math.sqrt", 9).as<double>() == 3.0);
  CHECK(python.call("os.path:basename", "a/b") == Value("b"));
  CHECK(python.call("collections:OrderedDict.fromkeys", "ab").size() == 2);
  CHECK(python.call("xml.etree.ElementTree:iselement", 1) == Value(false));

  CHECK(failure_of([&] { python.call("nothing"); }).type() == "NameError");
  CHECK(failure_of([&] { python.call(""); }).type() == "NameError");
  CHECK(failure_of([&] { python.call("A.nothing"); }).type() == "AttributeError");
  CHECK(failure_of([&] { python.call("no_such_module:f"); }).type() == "ModuleNotFoundError");
  CHECK(failure_of([&] { python.call("os:"); }).type() == "AttributeError");
  CHECK(failure_of([&] { python.call(":f"); }).type() == "ValueError");
  CHECK(failure_of([&] { python.call("math"); }).type() == "TypeError");
  CHECK(failure_of([&] { (void)python.get("nothing"); }).message() ==
        "name 'nothing' is not defined");
  CHECK_THROWS_AS(python.call("\xFF"), atoll::NotShareableError);
  CHECK(python.eval("1") == Value(1));
}

TEST_CASE("exceptions carry type, message and remote traceback") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  python.exec("def outer(x): return inner(x)\ndef inner(x): return 1 / x\n", "the_file.py");
  const ExecutionFailed error = failure_of([&] { python.call("outer", 0); });
  CHECK(error.type() == "ZeroDivisionError");
  CHECK(error.message() == "division by zero");
  CHECK(error.traceback().find("\"the_file.py\", line 2, in inner") != std::string::npos);
  CHECK(std::string(error.what()).find("ZeroDivisionError: division by zero") == 0);

  python.exec("import json\nclass Mine(Exception): pass\ndef f(): raise Mine('a', 1)");
  CHECK(failure_of([&] { python.call("f"); }).type() == "Mine");
  CHECK(failure_of([&] { python.call("json.loads", "{"); }).type() ==
        "json.decoder.JSONDecodeError");
}

TEST_CASE("bad code of every kind leaves the interpreter usable") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  const auto type_of = [&](std::string_view source) {
    return failure_of([&] { python.exec(source); }).type();
  };
  CHECK(type_of("x = = 1") == "SyntaxError");
  CHECK(type_of(std::string_view("a = 1\0b = 2", 11)) == "SyntaxError");
  CHECK(type_of("x = '\xFF'") == "SyntaxError");
  CHECK(type_of("raise SystemExit(3)") == "SystemExit");
  CHECK(type_of("import sys; sys.exit()") == "SystemExit");
  CHECK(type_of("def f(): f()\nf()") == "RecursionError");
  CHECK(type_of("raise KeyboardInterrupt") == "KeyboardInterrupt");
  CHECK(type_of("class E(Exception):\n  def __str__(self): 1/0\nraise E") == "E");
  CHECK(failure_of([&] { (void)python.eval("1; 2"); }).type() == "SyntaxError");
  CHECK(failure_of([&] { (void)python.eval(""); }).type() == "SyntaxError");
  const ExecutionFailed surrogate =
      failure_of([&] { python.exec("raise ValueError('a\\udc80b')"); });
  CHECK(surrogate.type() == "ValueError");
  CHECK(surrogate.message() ==
        "a\xED\xB2\x80"
        "b");
  CHECK(failure_of([&] {
          python.exec("# coding: latin-1\nx = '\xC3\xA4'\nassert len(x) == 2");
        }).type() == "AssertionError");
  CHECK(python.eval("1 + 1") == Value(2));
}

TEST_CASE("values that do not fit") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  python.exec("done = []\ndef f(*args, **names): done.append(args); return {1}");
  CHECK_THROWS_WITH_AS(python.call("f"),
                       "result: set object cannot become an atoll::Value (None, bool, int, float, "
                       "str, bytes, list, tuple and dict can)",
                       atoll::NotShareableError);
  CHECK(python.eval("len(done)") == Value(1));
  CHECK_THROWS_WITH_AS(python.call("f", 1, List{"\xFF"}),
                       "argument 2[0]: the text is not UTF-8 (send it as atoll::Bytes)",
                       atoll::NotShareableError);
  CHECK_THROWS_AS(python.call_with("f", {}, {{1, 2}}), atoll::ValueError);
  CHECK_THROWS_AS((void)python.get("f"), atoll::NotShareableError);
  CHECK_THROWS_AS(python.set("x", "\xFF"), atoll::NotShareableError);
  CHECK_THROWS_AS((void)python.eval("1").as<std::string>(), atoll::ValueError);
  CHECK(python.eval("len(done)") == Value(1));
}

TEST_CASE("handles") {
  const atoll::Runtime runtime;
  const std::size_t before = Interpreter::list_all().size();
  std::int64_t id = 0;
  {
    Interpreter python = Interpreter::create();
    id = python.id();
    CHECK(python.whence() == atoll::Whence::stdlib);
    CHECK(python.config() == atoll::Config::isolated());
    CHECK_FALSE(python.is_main());
    CHECK_FALSE(python.is_running());
    CHECK(Interpreter::from_id(id) == python);
    CHECK(Interpreter::list_all().size() == before + 1);
    CHECK(Interpreter::list_all().front().is_main());
    Interpreter copy = python;
    const Interpreter moved = std::move(python);
    CHECK(copy == moved);
    CHECK(python.id() == -1);
    CHECK(python.is_closed());
    CHECK_THROWS_AS(python.exec("1"), atoll::InterpreterError);
  }
  CHECK(Interpreter::list_all().size() == before);
  CHECK_THROWS_AS((void)Interpreter::from_id(id), atoll::InterpreterNotFoundError);
  CHECK_THROWS_AS((void)Interpreter::current(), atoll::InterpreterError);
  CHECK(Interpreter::main().is_running());
  CHECK(Interpreter::main().id() == 0);
}

TEST_CASE("close") {
  const atoll::Runtime runtime;
  const Interpreter python = Interpreter::create();
  python.exec("import threading, time\nthreading.Thread(target=time.sleep, args=(0.05,)).start()");
  python.close();
  CHECK(python.is_closed());
  CHECK_THROWS_AS(python.close(), atoll::InterpreterNotFoundError);
  CHECK_THROWS_AS(python.exec("1"), atoll::InterpreterNotFoundError);
  CHECK_THROWS_AS((void)python.eval("1"), atoll::InterpreterNotFoundError);
  CHECK_THROWS_AS(python.set("x", 1), atoll::InterpreterNotFoundError);
  CHECK_THROWS_WITH_AS(Interpreter::main().close(), "cannot destroy the main interpreter",
                       atoll::InterpreterError);
}

TEST_CASE("configurations") {
  const atoll::Runtime runtime;
  const Interpreter legacy = Interpreter::create(atoll::Config::legacy());
  CHECK(legacy.call("len", "abc") == Value(3));
  atoll::Config impossible;
  impossible.use_main_obmalloc = false;
  impossible.check_multi_interp_extensions = false;
  CHECK_THROWS_AS((void)Interpreter::create(impossible), atoll::InterpreterError);
  CHECK_THROWS_AS((void)Interpreter::create(atoll::Config::named("nonsense")), atoll::ConfigError);
}

TEST_CASE("sys.path is inherited unless told otherwise") {
  const atoll::Runtime runtime;
  Interpreter::main().exec("import sys; sys.path.append('/added/by/the/test')");
  const char* question = "'/added/by/the/test' in __import__('sys').path";
  CHECK(Interpreter::create().eval(question) == Value(true));
  CHECK(Interpreter::create({}, {.inherit_path = false}).eval(question) == Value(false));
  Interpreter::main().exec("sys.path.remove('/added/by/the/test')");
}

TEST_CASE("a thread that is inside an interpreter may call others") {
  // No Runtime: the test's thread stays in the main interpreter.
  CHECK(Interpreter::current().is_main());
  PyThreadState* const before = PyThreadState_Get();
  {
    const Interpreter python = Interpreter::create();
    CHECK(python.call("len", "abc") == Value(3));
    CHECK(failure_of([&] { python.exec("1/0"); }).type() == "ZeroDivisionError");
  }
  CHECK(PyThreadState_Get() == before);
}

TEST_CASE("version") {
  const std::string expected = std::to_string(ATOLL_VERSION_MAJOR) + "." +
                               std::to_string(ATOLL_VERSION_MINOR) + "." +
                               std::to_string(ATOLL_VERSION_PATCH);
  CHECK(atoll::version() == expected);
  CHECK(atoll::Runtime::python_version().starts_with("3."));
}
