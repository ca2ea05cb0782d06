// Values in and out of an interpreter. The tests run in the main interpreter, with its GIL.
#include "api/value/convert.hpp"

#include <Python.h>
#include <doctest/doctest.h>

#include <string>

using libatoll::BigInt;
using libatoll::Bytes;
using libatoll::Dict;
using libatoll::List;
using libatoll::NotShareableError;
using libatoll::Tuple;
using libatoll::Value;
using libatoll::api::from_python;
using libatoll::api::to_python;
namespace py = libatoll::py;

namespace {

py::Ref result_of(const std::string& expression) {
  const py::Ref globals = py::Ref::steal(PyDict_New());
  PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins());
  const std::string script = "import collections, enum\nresult = " + expression;
  py::Ref done =
      py::Ref::steal(PyRun_String(script.c_str(), Py_file_input, globals.get(), globals.get()));
  if (!done) PyErr_Print();
  REQUIRE(done);
  return py::Ref::borrow(PyDict_GetItemString(globals.get(), "result"));
}

Value read(const std::string& expression) {
  const py::Ref object = result_of(expression);
  return from_python(object.get(), "it");
}

void check_there_and_back(const Value& value) {
  const py::Ref object = to_python(value, "value");
  CHECK(from_python(object.get(), "value") == value);
  CHECK_FALSE(PyErr_Occurred());
}

}  // namespace

TEST_CASE("there and back") {
  check_there_and_back(nullptr);
  check_there_and_back(true);
  check_there_and_back(-5);
  check_there_and_back(INT64_MIN);
  check_there_and_back(UINT64_MAX);
  check_there_and_back(BigInt("-0x1" + std::string(5000, '0')));
  check_there_and_back(0.1);
  check_there_and_back("");
  check_there_and_back(std::string("a\0b", 3));
  check_there_and_back("\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x90\x8D");
  check_there_and_back("\xED\xA0\x80 lone \xED\xBF\xBF");
  check_there_and_back(Bytes(std::string("\0\xFF", 2)));
  check_there_and_back(List{});
  check_there_and_back(Tuple{1, List{2, Dict{{3, nullptr}, {Tuple{4}, Bytes("5")}}}});
}

TEST_CASE("from Python") {
  CHECK(read("2**63") == Value(BigInt("9223372036854775808")));
  CHECK(read("-2**63") == Value(INT64_MIN));
  CHECK(read("'\\udc80'") == Value("\xED\xB2\x80"));
  CHECK(read("10**5000").as<BigInt>().to_string() == "1" + std::string(5000, '0'));
  SUBCASE("subclasses arrive as what they are built on") {
    CHECK(read("collections.Counter('aab')") == Value(Dict{{"a", 2}, {"b", 1}}));
    CHECK(read("collections.namedtuple('P', 'x y')(1, 2)") == Value(Tuple{1, 2}));
    CHECK(read("enum.IntEnum('E', 'A B').B") == Value(2));
  }
}

TEST_CASE("what is no Value is refused, with its place") {
  CHECK_THROWS_WITH_AS((void)read("{'a': [1, {2}]}"),
                       "it['a'][1]: set object cannot become an atoll::Value (None, bool, int, "
                       "float, str, bytes, list, tuple and dict can)",
                       NotShareableError);
  CHECK_THROWS_AS((void)read("1j"), NotShareableError);
  CHECK_THROWS_AS((void)read("object"), NotShareableError);
  CHECK_THROWS_AS((void)read("bytearray(b'x')"), NotShareableError);
  CHECK_THROWS_AS((void)read("{frozenset(): 1}"), NotShareableError);
  CHECK_FALSE(PyErr_Occurred());
}

TEST_CASE("cycles and too deep nesting are refused") {
  CHECK_THROWS_WITH_AS((void)read("[]; result.append({'x': result})"),
                       "it[0]['x']: list object contains itself: an atoll::Value cannot",
                       NotShareableError);
  CHECK_THROWS_AS((void)read("{}; result['me'] = (result,)"), NotShareableError);
  // Met twice is not a cycle.
  CHECK(read("(lambda x: [x, x])([1])") == Value(List{List{1}, List{1}}));

  const std::string nest = "0\nfor i in range(N): result = [result]";
  const auto nested = [&](int depth) {
    std::string script = nest;
    script.replace(script.find('N'), 1, std::to_string(depth));
    return result_of(script);
  };
  Value deep = from_python(nested(libatoll::api::max_depth).get(), "it");
  CHECK_THROWS_WITH_AS((void)from_python(nested(libatoll::api::max_depth + 1).get(), "it"),
                       "it[0][0][0][0][0][0][0][0]...: nested more than 1000 levels deep",
                       NotShareableError);
  CHECK_THROWS_AS((void)from_python(nested(100'000).get(), "it"), NotShareableError);
  CHECK(to_python(deep, "it"));
  deep = List{std::move(deep)};
  CHECK_THROWS_AS((void)to_python(deep, "it"), NotShareableError);
  CHECK_FALSE(PyErr_Occurred());
}

TEST_CASE("what Python cannot hold is refused") {
  CHECK_THROWS_WITH_AS((void)to_python(List{1, "\xFF"}, "it"),
                       "it[1]: the text is not UTF-8 (send it as atoll::Bytes)", NotShareableError);
  CHECK_THROWS_WITH_AS((void)to_python(Dict{{List{1}, 2}}, "it"),
                       "it[[1]]: this key is mutable: Python has no such dict", NotShareableError);
  CHECK_FALSE(PyErr_Occurred());
}
