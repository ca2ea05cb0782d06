// Value <-> Message without an interpreter, against what Python's encoder and decoder make of it.
#include "api/value/codec.hpp"

#include "transfer/support.hpp"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "api/process/inside.hpp"
#include "api/value/convert.hpp"
#include "transfer/classes/registered_types.hpp"
#include "transfer/wire/writer.hpp"

using namespace libatoll;
using namespace libatoll::test;
using libatoll::py::Ref;

namespace {

PyObject* item(const Ref& list, Py_ssize_t index) {
  return PyList_GET_ITEM(list.get(), index);
}

/// Any value, small ones more often than not; texts and numbers around the limits of their formats.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Value value(int depth = 0) {
    switch (below(depth < 4 ? 12 : 8)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return number();
      case 3:
        return big();
      case 4:
        return std::ldexp(static_cast<double>(random_()), static_cast<int>(below(200)) - 100);
      case 5:
      case 6:
        return text();
      case 7:
        return Bytes(std::string(below(300), static_cast<char>(below(256))));
      case 8:
      case 9:
        return List(items(depth));
      case 10:
        return Tuple(items(depth));
      default: {
        Dict dict;
        for (std::size_t i = below(6); i > 0; --i) dict.set(key(), value(depth + 1));
        return dict;
      }
    }
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  Value number() {
    static constexpr std::int64_t limits[] = {0,         INT8_MAX,  INT8_MIN,  INT16_MAX,
                                              INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    const std::int64_t limit = limits[below(std::size(limits))];
    const auto near = static_cast<std::int64_t>(below(5)) - 2;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(limit) +
                                     static_cast<std::uint64_t>(near));
  }
  Value big() {
    std::vector<std::uint32_t> words(1 + below(20));
    static constexpr std::uint32_t samples[] = {0, 1, 0x7F, 0x80, 0x80000000, 0xFFFFFFFF};
    for (auto& word : words) {
      word = below(2) != 0 ? static_cast<std::uint32_t>(random_()) : samples[below(6)];
    }
    return BigInt(below(2) != 0, words);
  }
  Value text() {
    static constexpr const char* characters[] = {"a",
                                                 "\x7F",
                                                 "\xC2\x80",
                                                 "\xC3\xBF",
                                                 "\xC4\x80",
                                                 "\xED\x9F\xBF",
                                                 "\xED\xA0\x80",
                                                 "\xEF\xBF\xBF",
                                                 "\xF0\x90\x80\x80",
                                                 "\xF4\x8F\xBF\xBF"};
    static constexpr std::size_t lengths[] = {0, 1, 2, 7, 8, 9, 40, 253, 254, 255, 256, 300};
    std::string text;
    const std::size_t kinds = 1 + below(std::size(characters));
    for (std::size_t i = lengths[below(std::size(lengths))]; i > 0; --i) {
      text += below(4) != 0 ? "x" : characters[below(kinds)];
    }
    return text;
  }
  Value key() {
    switch (below(4)) {
      case 0:
        return 1000 + static_cast<int>(below(1000));
      case 1:
        return Tuple{static_cast<int>(below(10)) + 7, text()};
      default:
        return text();
    }
  }
  List items(int depth) {
    List items;
    for (std::size_t i = below(8); i > 0; --i) items.push_back(value(depth + 1));
    return items;
  }

  std::mt19937 random_;
};

Value decoded_from(Context& context, const std::string& expression) {
  return api::decode(encoded(context, evaluate(expression)), "it");
}

std::string refusal_of(Context& context, const std::string& expression) {
  const Message message = encoded(context, evaluate(expression));
  try {
    (void)api::decode(message, "it");
  } catch (const NotShareableError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::vector<std::byte> bytes_of(const Message& message) {
  return {message.bytes().begin(), message.bytes().end()};
}

}  // namespace

TEST_CASE("generated values: C++ and Python agree in every direction") {
  MainContext context;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    const Value value = Generator(seed).value();
    const Message message = api::encode(value, "it");
    REQUIRE(api::decode(message, "it") == value);
    const py::Ref received = decoded(*context, message);
    REQUIRE(api::from_python(received.get(), "it") == value);
    const py::Ref object = api::to_python(value, "it");
    REQUIRE(api::decode(encoded(*context, object), "it") == value);
    // What Python received, sent back: with whatever objects it shares now.
    REQUIRE(api::decode(encoded(*context, received), "it") == value);
  }
}

TEST_CASE("scalars: the same bytes") {
  MainContext context;
  for (const char* expression :
       {"None",       "True",    "False",     "0",           "-1",     "127",
        "128",        "-129",    "2**31 - 1", "2**31",       "-2**31", "2**63 - 1",
        "-2**63",     "2**63",   "2**64 - 1", "-2**63 - 1",  "2**127", "-2**127",
        "2**128 - 1", "-2**128", "10**50",    "-10**50",     "0.5",    "float('inf')",
        "''",         "'a'",     "'abc'",     "'\\xe4\\xf6'"}) {
    CAPTURE(expression);
    const Message message = encoded(*context, evaluate(expression));
    const Value value = api::decode(message, "it");
    CHECK(bytes_of(api::encode(value, "it")) == bytes_of(message));
  }
}

TEST_CASE("objects that Python shares, records, interned keys") {
  MainContext context;
  CHECK(decoded_from(*context, "x = [1, 'text']\nresult = [x, x, {'k': x, 'text': x}]\n") ==
        Value(List{List{1, "text"}, List{1, "text"},
                   Dict{{"k", List{1, "text"}}, {"text", List{1, "text"}}}}));
  CHECK(decoded_from(*context, "x = 'a text'\ny = (x, [x])\nz = [y, y]\nresult = [z, z, x, y]\n") ==
        Value(List{List{Tuple{"a text", List{"a text"}}, Tuple{"a text", List{"a text"}}},
                   List{Tuple{"a text", List{"a text"}}, Tuple{"a text", List{"a text"}}}, "a text",
                   Tuple{"a text", List{"a text"}}}));
  const Value records = decoded_from(
      *context, "result = [{'name': str(i), 'size': i, 'tags': ['t', i]} for i in range(100)]\n");
  REQUIRE(records.size() == 100);
  CHECK(records.at(99) == Value(Dict{{"name", "99"}, {"size", 99}, {"tags", List{"t", 99}}}));
  // A record that is met twice, whose shape is defined in it, and another shape inside.
  CHECK(decoded_from(*context,
                     "def r(i): return {'a': i, 'b': {'c': i, 'd': i}}\n"
                     "x = [r(1), r(2), r(3)]\nresult = [x, r(4), x, r(5), x[1]]\n") ==
        decoded_from(*context,
                     "def r(i): return {'a': i, 'b': {'c': i, 'd': i}}\n"
                     "def x(): return [r(1), r(2), r(3)]\n"
                     "result = [x(), r(4), x(), r(5), x()[1]]\n"));
  // More than 256 objects to refer to.
  CHECK(decoded_from(*context,
                     "x = [[i] for i in range(1000)]\nresult = [x, [y for y in x if y[0] > 990]]\n")
            .at(1)
            .at(0) == Value(List{991}));
}

TEST_CASE("objects of registered classes arrive as what they are sent as") {
  const MainContext context;
  const Ref objects = evaluate(
      "import fractions, types\n"
      "a, b = fractions.Fraction(1, 2), types.SimpleNamespace(half=fractions.Fraction(3, 2))\n"
      "result = [a, b, a, types.SimpleNamespace(half=b)]\n");
  const auto fraction = Ref::borrow(reinterpret_cast<PyObject*>(Py_TYPE(item(objects, 0))));
  const auto space = Ref::borrow(reinterpret_cast<PyObject*>(Py_TYPE(item(objects, 1))));
  const Ref take = evaluate("list");
  REQUIRE(transfer::register_type(*context, fraction.get(), evaluate("str").get(),
                                  fraction.get()) == py::Status::ok);
  REQUIRE(transfer::register_type(*context, space.get(),
                                  evaluate("lambda space: [space.half]").get(),
                                  take.get()) == py::Status::ok);
  const Value expected = List{"1/2", List{"3/2"}, "1/2", List{List{"3/2"}}};
  CHECK(api::decode(encoded(*context, objects), "it") == expected);
  CHECK(api::from_python(objects.get(), "it") == expected);

  SUBCASE("an encode function that raises") {
    REQUIRE(transfer::register_type(*context, fraction.get(),
                                    evaluate("lambda fraction: 1 / 0").get(),
                                    fraction.get()) == py::Status::ok);
    CHECK_THROWS_AS((void)api::from_python(objects.get(), "it"), api::PythonRaised);
    CHECK(PyErr_ExceptionMatches(PyExc_ZeroDivisionError));
    PyErr_Clear();
  }
  SUBCASE("one that never ends") {
    REQUIRE(transfer::register_type(*context, fraction.get(),
                                    evaluate("lambda fraction: fraction + 1").get(),
                                    fraction.get()) == py::Status::ok);
    CHECK_THROWS_AS((void)api::from_python(objects.get(), "it"), NotShareableError);
  }
  for (const Ref& type : {fraction, space}) {
    CHECK(transfer::unregister_type(*context, type.get()) == py::Status::ok);
  }
}

TEST_CASE("what is no Value is refused, by name") {
  MainContext context;
  CHECK(refusal_of(*context, "[1, {'k': {1, 2}}]") ==
        "it[1]['k']: set object cannot become an atoll::Value (None, bool, int, float, str, bytes, "
        "list, tuple and dict can)");
  const auto starts = [&](const char* expression, const std::string& text) {
    CAPTURE(expression);
    const std::string refusal = refusal_of(*context, expression);
    CAPTURE(refusal);
    CHECK(refusal.starts_with("it" + text + " cannot become an atoll::Value"));
  };
  starts("1j", ": complex object");
  starts("[frozenset((1,))]", "[0]: frozenset object");
  starts("bytearray(b'x')", ": bytearray object");
  starts("memoryview(b'x')", ": memoryview object");
  starts("range(3)", ": range object");
  starts("slice(3)", ": slice object");
  starts("...", ": ellipsis object");
  starts("len", ": function or class");
  starts("(lambda: 1)", ": function object");
  starts("__import__('datetime').date(2000, 1, 1)", ": datetime.date object");
  starts("__import__('decimal').Decimal(1)", ": Decimal object");
  starts("__import__('collections').Counter('a')", ": pickled object");
  starts("__import__('pathlib').Path('x')", ": pathlib path object");
  CHECK(refusal_of(*context, "x = [1]\nx.append(x)\nresult = x\n") ==
        "it[1]: list object contains itself: an atoll::Value cannot");
  CHECK(refusal_of(*context, "x = []\nfor _ in range(1001): x = [x]\nresult = x\n")
            .find("nested more than 1000 levels deep") != std::string::npos);
}

TEST_CASE("values that Python could not have are refused") {
  const auto refusal = [](const Value& value) {
    try {
      (void)api::encode(value, "it");
    } catch (const NotShareableError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  CHECK(refusal(List{"\xFF"}) == "it[0]: the text is not UTF-8 (send it as atoll::Bytes)");
  for (const char* text : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xF5\x80\x80\x80",
                           "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xE2\x82"}) {
    CHECK(refusal(text).find("not UTF-8") != std::string::npos);
  }
  CHECK(refusal(Dict{{List{1}, 2}}) == "it[[1]]: this key is mutable: Python has no such dict");
  CHECK(refusal(Dict{{Tuple{1, Dict{}}, 2}}).find("mutable") != std::string::npos);
  Value deep = List{};
  for (int i = 0; i < api::max_depth; ++i) deep = List{std::move(deep)};
  CHECK(refusal(deep).find("nested more than") != std::string::npos);
}

TEST_CASE("bytes that no encoder wrote end in an error") {
  MainContext context;
  std::mt19937 random(1);
  const Message good =
      encoded(*context,
              evaluate("x = ['text', 2**70]\n"
                       "result = [x, [{'a': i, 'b': 'y'} for i in range(3)], x, '\\u20ac' * 3]\n"));
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = bytes_of(good);
    for (std::size_t i = 1 + random() % 3; i > 0; --i) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    }
    bytes.resize(random() % 4 == 0 ? random() % bytes.size() : bytes.size());
    const Message message = Message::copy_of(bytes);
    try {
      (void)api::decode(message, "it");
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK_THROWS_AS((void)api::decode(Message(), "it"), NotShareableError);
}
