#include "transfer/transfer.hpp"

#include <random>
#include <thread>
#include <vector>

#include "support.hpp"
#include "transfer/wire/codec.hpp"

using namespace libatoll::test;
using libatoll::py::failed;
using libatoll::py::Ref;
using libatoll::transfer::decode;
using libatoll::transfer::decode_and_call;
using libatoll::transfer::decode_script;
using libatoll::transfer::encode;
using libatoll::transfer::encode_call;
using libatoll::transfer::encode_script;

namespace {

const char* const values[] = {
    "None",
    "(True, False, ..., NotImplemented)",
    "[0, -1, 127, 128, -129, 2**31, -2**31 - 1, 2**63, -2**63 - 1, 10**300, -10**300]",
    "(1.5, -0.0, float('inf'), 2 - 3j)",
    "['', 'a', 'caf\\xe9', '\\u20ac' * 300, '\\U0001f600', '\\ud800', 'nul\\0']",
    "[b'', b'x', b'\\0' * 1000, bytearray(b'abc')]",
    "{'a': [1, {2: (3, {4})}], (1, (2, 3)): frozenset({5})}",
    "[slice(1, 'x', None), range(3), range(0, 2**70, 7)]",
    "[{'id': i, 'name': 'n%d' % i, 'tags': ['x', i]} for i in range(50)]",
    "[{str(k): k for k in range(i)} for i in range(40)]",
};

std::string in_other(const std::string& source) {
  const MainContext main;
  Other other;
  const Message message = encoded(*main, evaluate(source));
  std::string shown;
  other.enter([&](Context& context) { shown = repr(decoded(context, message)); });
  return shown;
}

/// What `callable(*args)` gives or raises.
std::string call(const std::string& callable, const std::string& args = "()") {
  const MainContext main;
  const Ref function = evaluate(callable);
  const Ref tuple = evaluate(args);
  Message message;
  if (failed(encode_call(*main, function.get(), &PyTuple_GET_ITEM(tuple.get(), 0),
                         PyTuple_GET_SIZE(tuple.get()), nullptr, message))) {
    return take_error();
  }
  Other other;
  std::string shown;
  other.enter([&](Context& context) {
    bool made = false;
    const Ref result = decode_and_call(context, message, made);
    shown = result ? repr(result) : (made ? "raised " : "not made ") + take_error();
  });
  return shown;
}

}  // namespace

TEST_CASE("values arrive in another interpreter as they were") {
  for (const char* const source : values) {
    CAPTURE(source);
    const std::string shown = in_other(source);
    CHECK(shown == repr(evaluate(source)));
  }
}

TEST_CASE("library types arrive as they were") {
  CHECK(in_other("__import__('uuid').UUID(int=5)") ==
        "UUID('00000000-0000-0000-0000-000000000005')");
  CHECK(in_other("__import__('decimal').Decimal('1.50')") == "Decimal('1.50')");
  CHECK(in_other("__import__('pathlib').PurePosixPath('/a/b')") == "PurePosixPath('/a/b')");
  const std::string moment = in_other(
      "__import__('datetime').datetime(2020, 1, 2, fold=1, "
      "tzinfo=__import__('datetime').timezone.utc)");
  // The datetime of 3.12's isolated interpreters is written in Python, and shows the zone first.
  const bool is_python = moment.ends_with("tzinfo=datetime.timezone.utc, fold=1)");
  CHECK(moment == (is_python
                       ? "datetime.datetime(2020, 1, 2, 0, 0, tzinfo=datetime.timezone.utc, fold=1)"
                       : "datetime.datetime(2020, 1, 2, 0, 0, fold=1, "
                         "tzinfo=datetime.timezone.utc)"));
}

TEST_CASE("aliases and cycles survive") {
  const MainContext main;
  const Message message =
      encoded(*main, evaluate("a = []\nresult = [a, a, (a,)]\na.append(result)"));
  const Ref outer = decoded(*main, message);
  PyObject* const first = PyList_GET_ITEM(outer.get(), 0);
  CHECK(first == PyList_GET_ITEM(outer.get(), 1));
  CHECK(first == PyTuple_GET_ITEM(PyList_GET_ITEM(outer.get(), 2), 0));
  CHECK(PyList_GET_ITEM(first, 0) == outer.get());
  PyList_SetSlice(outer.get(), 0, 3, nullptr);
}

TEST_CASE("nesting is limited by memory only") {
  const MainContext main;
  for (const char* const wrap : {"[x]", "(x,)", "{'k': x}"}) {
    CAPTURE(wrap);
    const Ref deep =
        evaluate(std::string("x = []\nfor _ in range(20000): x = ") + wrap + "\nresult = x\n");
    const Message message = encoded(*main, deep);
    // On a small stack.
    Other other;
    std::thread([&] {
      other.enter([&](Context& context) { CHECK(decoded(context, message)); });
    }).join();
  }
}

TEST_CASE("a refusal names path, type and cause, and leaves no message") {
  const MainContext main;
  Message message;
  CHECK(failed(encode(*main, evaluate("{'x': [0, (i for i in ())]}").get(), Mode::any, message)));
  CHECK(message.bytes().empty());
  CHECK(take_error() ==
        "NotShareableError: "
        "['x'][1]: generator object does not support cross-interpreter data: "
        "TypeError: cannot pickle 'generator' object");
  CHECK(failed(encode(*main, evaluate("(1, (2, [3]))").get(), Mode::shareable, message)));
  CHECK(take_error() ==
        "NotShareableError: "
        "[1][1]: list object does not support cross-interpreter data");
  CHECK(failed(encode(*main, evaluate("2**63").get(), Mode::shareable, message)));
  const Ref error = Ref::steal(PyErr_GetRaisedException());
  const Ref cause = Ref::steal(PyException_GetCause(error.get()));
  CHECK(PyErr_GivenExceptionMatches(cause.get(), PyExc_OverflowError));
}

TEST_CASE("wrong bytes end in an error") {
  const MainContext main;
  std::mt19937 random(42);
  for (const char* const source : values) {
    const Message message = encoded(*main, evaluate(source));
    for (int round = 0; round < 400; ++round) {
      std::vector<std::byte> bytes(message.bytes().begin(), message.bytes().end());
      for (int flips = 0; flips < 3; ++flips) {
        bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      }
      if (round % 4 == 0) bytes.resize(random() % bytes.size() + 1);
      const Message wrong = Message::copy_of(bytes);
      const Ref object = decode(*main, wrong);
      if (!object) {
        const std::string error = take_error();
        CHECK_MESSAGE((error.find("NotShareableError") != std::string::npos ||
                       error.find("MemoryError") != std::string::npos),
                      error);
      }
      CHECK_FALSE(PyErr_Occurred());
    }
  }
  CHECK_FALSE(decode(*main, Message()));
  PyErr_Clear();
}

TEST_CASE("a wrong slice does not contain itself where its hash is taken") {
  using libatoll::transfer::wire::memo_flag;
  using libatoll::transfer::wire::Op;
  const MainContext main;
  const auto byte = [](auto value) { return static_cast<std::byte>(value); };
  const std::byte none = byte(Op::none);
  // CPython's slicehash() would recurse until the stack ends.
  const std::byte bytes[] = {
      byte(Op::dict), byte(1), byte(static_cast<std::uint8_t>(Op::slice) | memo_flag),
      byte(Op::ref8), byte(0), none,
      none,           none};
  CHECK_FALSE(decode(*main, Message::copy_of(bytes)));
  CHECK(take_error().find("NotShareableError") != std::string::npos);
}

TEST_CASE("calls") {
  CHECK(call("divmod", "(7, 2)") == "(3, 1)");
  CHECK(call("lambda a, b=(): (a, b)", "(1,)").find("only stateless functions") !=
        std::string::npos);
  CHECK(call("lambda a, *b: (a, b)", "(1, 2, [3])") == "(1, (2, [3]))");
  CHECK(call("eval", "('__name__',)") == "'__main__'");
  CHECK(call("eval", "('1/0',)") == "raised ZeroDivisionError: division by zero");
  CHECK(call("__import__('json').dumps", "([1],)") == "'[1]'");
  CHECK(call("int", "('5',)") == "5");
  CHECK(call("(1).__add__", "(2,)") == "3");
  CHECK(call("len", "((i for i in ()),)").find("args[0]: generator object") != std::string::npos);
}

TEST_CASE("scripts") {
  const MainContext main;
  Message message;
  REQUIRE_FALSE(failed(encode_script(*main, evaluate("'seen = __name__'").get(), message)));
  Other other;
  other.enter([&](Context& context) {
    const Ref code = decode_script(context, message);
    REQUIRE(code);
    CHECK(code.get() == decode_script(context, message).get());
  });
  CHECK(failed(encode_script(*main, evaluate("'a b'").get(), message)));
  CHECK(take_error().find("SyntaxError") == 0);
  CHECK(failed(encode_script(*main, evaluate("lambda: 1").get(), message)));
  CHECK(take_error() == "ValueError: code that returns a value is not a script");
  CHECK(failed(encode_script(*main, evaluate("5").get(), message)));
  CHECK(take_error() == "TypeError: unsupported script 5");
}

TEST_CASE("interpreters encode and decode in parallel") {
  const MainContext main;
  std::vector<std::unique_ptr<Other>> others;
  for (int i = 0; i < 3; ++i) others.push_back(std::make_unique<Other>());
  const Message function = [&] {
    Message message;
    const Ref code = evaluate("lambda n: [{'k': i, 'b': b'x' * 50000} for i in range(n)]");
    const Ref count = evaluate("10");
    PyObject* const args[] = {count.get()};
    REQUIRE_FALSE(failed(encode_call(*main, code.get(), args, 1, nullptr, message)));
    return message;
  }();
  PyThreadState* const mine = PyEval_SaveThread();
  std::atomic<int> bad{0};
  std::vector<std::thread> threads;
  for (const auto& other : others) {
    threads.emplace_back([&] {
      other->enter([&](Context& context) {
        for (int round = 0; round < 100; ++round) {
          bool made = false;
          const Ref result = decode_and_call(context, function, made);
          Message message;
          if (!result || failed(encode(context, result.get(), Mode::any, message))) {
            ++bad;
            continue;
          }
          const Ref again = decode(context, message);
          if (!again || PyObject_RichCompareBool(result.get(), again.get(), Py_EQ) != 1) ++bad;
        }
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
  PyEval_RestoreThread(mine);
  CHECK(bad == 0);
}
