#include "atoll/value.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

using libatoll::BigInt;
using libatoll::Bytes;
using libatoll::Dict;
using libatoll::List;
using libatoll::Tuple;
using libatoll::Value;

namespace {

struct Point {
  double x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};

/// Looks like a container, and is none here.
struct Text {
  std::string text;
  [[nodiscard]] auto begin() const { return text.begin(); }
  [[nodiscard]] auto end() const { return text.end(); }
};

}  // namespace

template <>
struct libatoll::Converter<Point> {
  static Value to_value(const Point& point) { return Tuple{point.x, point.y}; }
  static Point from_value(const Value& value) {
    return {value.at(0).as<double>(), value.at(1).as<double>()};
  }
};

template <>
struct libatoll::Converter<Text> {
  static std::string_view to_value(const Text& text) { return text.text; }
};

TEST_CASE("types of the user") {
  const Point point{1, 2.5};
  CHECK(Value(point) == Value(Tuple{1.0, 2.5}));
  CHECK(Value(point).as<Point>() == point);
  CHECK(Value(Tuple{1, 2}).as<Point>() == Point{1, 2});
  CHECK(Value(Text{"abc"}) == Value("abc"));
  const std::vector<Point> points{{1, 2}, {3, 4}};
  CHECK(Value(points).as<std::vector<Point>>() == points);
  const std::map<std::string, Point> named{{"a", {1, 2}}};
  CHECK(Value(named).as<std::map<std::string, Point>>() == named);
  CHECK(Value(std::optional<Point>()).is_none());
  CHECK(Value(std::optional(point)).as<std::optional<Point>>() == point);
  CHECK(Value(std::pair(point, 3)).as<std::pair<Point, int>>() == std::pair(point, 3));
  CHECK_THROWS_WITH_AS((void)Value(List{point, "x"}).as<std::vector<Point>>(),
                       doctest::Contains("[1]"), libatoll::ValueError);
}

TEST_CASE("every C++ type becomes the kind that it looks like") {
  CHECK(Value().is_none());
  CHECK(Value(nullptr).is_none());
  CHECK(Value(true).is_bool());
  CHECK(Value(1).is_integer());
  CHECK(Value(static_cast<short>(-7)) == Value(-7L));
  CHECK(Value(std::uint8_t{200}) == Value(200));
  CHECK(Value(1.5).is_float());
  CHECK(Value(1.5F) == Value(1.5));
  CHECK(Value("text").is_string());
  CHECK(Value(std::string("text")) == Value("text"));
  CHECK(Value(std::string_view("text")) == Value("text"));
  CHECK(Value(Bytes("text")).is_bytes());
  CHECK(Value(std::vector<double>{1, 2}) == Value(List{1.0, 2.0}));
  CHECK(Value(std::vector<bool>{true, false}) == Value(List{true, false}));
  CHECK(Value(std::array<int, 2>{1, 2}) == Value(List{1, 2}));
  CHECK(Value(std::deque<std::string>{"a"}) == Value(List{"a"}));
  CHECK(Value(std::set<int>{2, 1}) == Value(List{1, 2}));
  CHECK(Value(std::map<std::string, int>{{"a", 1}}) == Value(Dict{{"a", 1}}));
  CHECK(Value(std::unordered_map<int, bool>{{3, true}}) == Value(Dict{{3, true}}));
  CHECK(Value(std::pair(1, "a")) == Value(Tuple{1, "a"}));
  CHECK(Value(std::tuple(1, 2.5, nullptr)) == Value(Tuple{1, 2.5, nullptr}));
  CHECK(Value(std::optional<int>()).is_none());
  CHECK(Value(std::optional<int>(4)) == Value(4));
  CHECK(Value(std::vector<std::vector<int>>{{1}, {}}) == Value(List{List{1}, List{}}));
  static_assert(!std::is_constructible_v<Value, char>);
  static_assert(!std::is_constructible_v<Value, int*>);
  CHECK(Value(std::filesystem::path("a/b")) == Value("a/b"));
}

TEST_CASE("braces around one Value do not nest it") {
  const Value one = List{1};
  const Value copy{one};
  CHECK(copy == one);
}

TEST_CASE("integers of any size") {
  CHECK(Value(std::numeric_limits<std::uint64_t>::max()).get_if<BigInt>() != nullptr);
  CHECK(Value(BigInt("12")) == Value(12));
  CHECK(Value(BigInt("12")).get_if<std::int64_t>() != nullptr);
  const Value big = BigInt("18446744073709551615");
  CHECK(big.is_integer());
  CHECK(big.as<std::uint64_t>() == std::numeric_limits<std::uint64_t>::max());
  CHECK(big.as<double>() == 18446744073709551615.0);
  CHECK(big.as<BigInt>().to_string() == "18446744073709551615");
  CHECK(Value(5).as<BigInt>() == BigInt(5));
  CHECK_THROWS_AS((void)big.as<std::int64_t>(), libatoll::ValueError);
}

TEST_CASE("as() checks kind and range") {
  CHECK(Value(300).as<std::int16_t>() == 300);
  CHECK_THROWS_WITH_AS((void)Value(300).as<std::uint8_t>(),
                       "300 does not fit in an unsigned integer of 8 bits", libatoll::ValueError);
  CHECK_THROWS_AS((void)Value(-1).as<unsigned>(), libatoll::ValueError);
  CHECK(Value(3).as<double>() == 3.0);
  CHECK_THROWS_WITH_AS((void)Value("x").as<int>(), "the value is of type str, not int: 'x'",
                       libatoll::ValueError);
  CHECK_THROWS_WITH_AS((void)Value().as<bool>(), "the value is None, not bool",
                       libatoll::ValueError);
  CHECK_THROWS_AS((void)Value(true).as<int>(), libatoll::ValueError);
  CHECK_THROWS_AS((void)Value(1).as<bool>(), libatoll::ValueError);
  CHECK_THROWS_AS((void)Value(1.0).as<int>(), libatoll::ValueError);
  CHECK_THROWS_AS((void)Value("x").as<Bytes>(), libatoll::ValueError);
  CHECK(Value("x").as<std::string>() == "x");
  const Value text("view");
  CHECK(text.as<std::string_view>() == "view");
  CHECK(Value().as<std::nullptr_t>() == nullptr);
  CHECK(Value(Bytes("a\0b")).as<Bytes>() == Bytes("a"));
}

TEST_CASE("as() builds containers") {
  const Value list = List{1, 2, 3};
  CHECK(list.as<std::vector<int>>() == std::vector{1, 2, 3});
  CHECK(list.as<std::vector<double>>() == std::vector{1.0, 2.0, 3.0});
  CHECK(list.as<std::set<long>>() == std::set<long>{1, 2, 3});
  CHECK(list.as<std::array<int, 3>>() == std::array{1, 2, 3});
  CHECK(Value(Tuple{1, "a"}).as<std::pair<int, std::string>>() == std::pair(1, std::string("a")));
  CHECK(Value(Tuple{1, 2}).as<std::vector<int>>().size() == 2);
  CHECK(Value().as<std::optional<int>>() == std::nullopt);
  CHECK(Value(1).as<std::optional<int>>() == 1);
  const Value dict = Dict{{"a", List{1}}, {"b", List{}}};
  const auto map = dict.as<std::map<std::string, std::vector<int>>>();
  CHECK(map.at("a") == std::vector{1});
  CHECK(map.size() == 2);
  CHECK(list.as<List>() == List{1, 2, 3});
  CHECK(list.as<Value>() == list);
  CHECK_THROWS_WITH_AS((void)Value(List{List{1}, List{2, "x"}}).as<std::vector<std::vector<int>>>(),
                       "[1][1]: the value is of type str, not int: 'x'", libatoll::ValueError);
  CHECK_THROWS_WITH_AS((void)(list.as<std::pair<int, int>>()), "a list of 3 items, not of 2",
                       libatoll::ValueError);
  CHECK_THROWS_AS((void)list.as<Tuple>(), libatoll::ValueError);
  CHECK_THROWS_AS((void)(list.as<std::map<int, int>>()), libatoll::ValueError);
}

TEST_CASE("get_if, visit, at, size") {
  Value value = List{1, Dict{{"k", "v"}, {2, 3}}};
  CHECK(value.get_if<Dict>() == nullptr);
  value.get_if<List>()->push_back(4);
  CHECK(value.size() == 3);
  CHECK(value.at(1).at("k") == Value("v"));
  CHECK(value.at(1).at(Value(2)) == Value(3));
  CHECK(value.at(1).size() == 2);
  CHECK_THROWS_WITH_AS((void)value.at(3), "list index 3 out of range (3 items)",
                       libatoll::ValueError);
  CHECK_THROWS_WITH_AS((void)value.at(1).at("x"), "no key 'x'", libatoll::ValueError);
  CHECK_THROWS_AS((void)value.at("x"), libatoll::ValueError);
  CHECK_THROWS_AS((void)Value(1).size(), libatoll::ValueError);
  CHECK_THROWS_AS((void)Value(1).at(0), libatoll::ValueError);
  CHECK(value.visit(
      [](const auto& held) { return std::is_same_v<std::remove_cvref_t<decltype(held)>, List>; }));
  CHECK(Value().visit([](const auto& held) {
    return std::is_same_v<std::remove_cvref_t<decltype(held)>, std::monostate>;
  }));
}

TEST_CASE("dict keeps order, replaces, and compares in any order") {
  Dict dict{{"b", 1}, {"a", 2}, {"b", 3}};
  CHECK(to_string(Value(dict)) == "{'b': 3, 'a': 2}");
  dict.set(Tuple{1, 2}, "t");
  CHECK(dict.at(Value(Tuple{1, 2})) == Value("t"));
  CHECK(dict.contains("a"));
  CHECK(dict.find("c") == nullptr);
  CHECK(dict.begin()->first == Value("b"));
  CHECK(Dict{{"x", 1}, {"y", 2}} == Dict{{"y", 2}, {"x", 1}});
  CHECK_FALSE(Dict{{"x", 1}, {"y", 2}} == Dict{{"y", 2}, {"x", 2}});
}

TEST_CASE("equality is strict about kinds") {
  CHECK_FALSE(Value(1) == Value(1.0));
  CHECK_FALSE(Value(1) == Value(true));
  CHECK_FALSE(Value("a") == Value(Bytes("a")));
  CHECK_FALSE(Value(List{}) == Value(Tuple{}));
  CHECK_FALSE(Value(NAN) == Value(NAN));
  CHECK(Value(0.0) == Value(-0.0));
}

TEST_CASE("printing looks like repr") {
  const auto shown = [](const Value& value) { return to_string(value); };
  CHECK(shown(nullptr) == "None");
  CHECK(shown(true) == "True");
  CHECK(shown(-3) == "-3");
  CHECK(shown(2.0) == "2.0");
  CHECK(shown(0.1) == "0.1");
  CHECK(shown(1e16) == "1e+16");
  CHECK(shown(123456789012345.6) == "123456789012345.6");
  CHECK(shown(1e-5) == "1e-05");
  CHECK(shown(1e-4) == "0.0001");
  CHECK(shown(-INFINITY) == "-inf");
  CHECK(shown(NAN) == "nan");
  CHECK(shown("it's") == "\"it's\"");
  CHECK(shown("'\"") == "'\\'\"'");
  CHECK(shown("a\n\t\x01\\") == "'a\\n\\t\\x01\\\\'");
  CHECK(shown("\xC3\xA4") == "'\xC3\xA4'");
  CHECK(shown("\xED\xB3\xBF!") == "'\\udcff!'");
  CHECK(shown(Bytes("\xFF'")) == "b\"\\xff'\"");
  CHECK(shown(Tuple{1}) == "(1,)");
  CHECK(shown(Tuple{}) == "()");
  CHECK(shown(List{1, Dict{{"a", Tuple{1, 2}}}}) == "[1, {'a': (1, 2)}]");
  CHECK(shown(BigInt("-18446744073709551616")) == "-18446744073709551616");
  std::ostringstream out;
  out << Value(List{"x"});
  CHECK(out.str() == "['x']");
}

TEST_CASE("moving out of an rvalue") {
  Value value = std::string(100, 'x');
  const char* data = value.get_if<std::string>()->data();
  const std::string text = std::move(value).as<std::string>();
  CHECK(text.data() == data);
}
