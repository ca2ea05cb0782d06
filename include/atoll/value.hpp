// The neutral value: what C++ and any interpreter can hand each other.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "atoll/bigint.hpp"
#include "atoll/bytes.hpp"
#include "atoll/channel.hpp"
#include "atoll/error.hpp"
#include "atoll/queue.hpp"
#include "atoll/shared_buffer.hpp"

namespace libatoll {

class Value;

/// A Python list.
using List = std::vector<Value>;

/// A Python tuple: like List, but another type.
class Tuple {
 public:
  Tuple();
  Tuple(std::initializer_list<Value> items);
  explicit Tuple(List items) noexcept;

  [[nodiscard]] const List& items() const noexcept { return items_; }
  [[nodiscard]] List& items() noexcept { return items_; }
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const Value* begin() const noexcept;
  [[nodiscard]] const Value* end() const noexcept;
  /// Throws ValueError beyond the end.
  [[nodiscard]] const Value& at(std::size_t index) const;

  friend bool operator==(const Tuple& a, const Tuple& b);

 private:
  List items_;
};

/// A Python dict: pairs in insertion order. Look-ups are linear searches, which suits records; for
/// a large dict ask the Value for a std::map or std::unordered_map.
class Dict {
 public:
  using Item = std::pair<Value, Value>;

  Dict();
  /// Of several equal keys the last one counts, as in Python.
  Dict(std::initializer_list<Item> items);

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const Item* begin() const noexcept;
  [[nodiscard]] const Item* end() const noexcept;

  /// Null if there is no such key.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;
  template <std::same_as<Value> V>  // so that find("x") is not ambiguous
  [[nodiscard]] const Value* find(const V& key) const {
    return find_value(key);
  }
  [[nodiscard]] bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }
  /// Throws ValueError if there is no such key.
  [[nodiscard]] const Value& at(std::string_view key) const;
  template <std::same_as<Value> V>
  [[nodiscard]] const Value& at(const V& key) const {
    return at_value(key);
  }

  /// Replaces the value of an equal key, or adds the pair at the end.
  void set(Value key, Value value);
  /// Adds a pair without looking for an equal key.
  void append(Value key, Value value);
  void reserve(std::size_t size);

  /// The same pairs, in any order.
  friend bool operator==(const Dict& a, const Dict& b);

 private:
  const Value* find_value(const Value& key) const;
  const Value& at_value(const Value& key) const;

  std::vector<Item> items_;
};

enum class Kind : std::uint8_t {
  none,
  boolean,
  integer,
  floating,
  string,
  bytes,
  list,
  tuple,
  dict,
  queue,
  sender,
  receiver,
  buffer
};

/// Python's name for it: "NoneType", "bool", "int", ...
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;

/// How a type of yours becomes a Value, and is made of one: specialize it, with both functions or
/// one of them. Objects of the type are then taken wherever a Value is, and as<T>() gives them, in
/// containers too. What the functions throw passes through; for a Value that is none of T's,
/// throw ValueError.
///
///   template <>
///   struct libatoll::Converter<Point> {
///     static Value to_value(const Point& point) { return Tuple{point.x, point.y}; }
///     static Point from_value(const Value& value) {
///       return {value.at(0).as<double>(), value.at(1).as<double>()};
///     }
///   };
///
/// The counterpart in Python is `atoll.register()`: objects of a class that was registered arrive
/// in C++ as what their `encode` function made of them.
template <class T>
struct Converter {};

namespace detail {

template <class T>
concept converted_to_value = requires(const T& object) {
  Converter<T>::to_value(object);
};

template <class T>
concept converted_from_value = requires(const Value& value) {
  Converter<T>::from_value(value);
};

template <class T>
concept converted = converted_to_value<T> || converted_from_value<T>;

template <class T, class... Types>
concept one_of = (std::same_as<T, Types> || ...);

template <class T>
concept character = one_of<T, char, signed char, wchar_t, char8_t, char16_t, char32_t>;

template <class T>
concept number = std::integral<T> && !std::same_as<T, bool> && !character<T>;

/// What a Value holds directly.
template <class T>
concept alternative = one_of<T, bool, std::int64_t, BigInt, double, std::string, Bytes, List, Tuple,
                             Dict, Queue, Sender, Receiver, SharedBuffer>;

template <class T>
concept pair_like = requires {
  std::tuple_size<T>::value;
}
&&!std::ranges::range<T> && !converted<T>;

template <class T>
concept container = !alternative<T> && !converted<T> && std::ranges::input_range<const T> &&
                    !std::convertible_to<const T&, std::string_view> &&
                    !std::convertible_to<const T&, const Receiver&> &&
                    !std::same_as<std::ranges::range_value_t<const T>, T>;  // std::filesystem::path

template <class T>
concept map = container<T> && requires {
  typename T::mapped_type;
};

/// What as() gives a reference to: copies would be dear, and it is held as such.
template <class T>
concept referable = one_of<T, std::string, Bytes, List, Tuple, Dict>;

template <class T>
struct Cast;

[[noreturn]] void throw_wrong_kind(const Value& value, std::string_view wanted);
[[noreturn]] void throw_out_of_range(const Value& value, std::string_view type);

}  // namespace detail

/// None, a bool, an integer of any size, a float, text, bytes, or a list, tuple or dict of such: a
/// tree of plain C++ data that belongs to no interpreter and needs none. Text is UTF-8; what Python
/// calls lone surrogates is kept in their three-byte form. A Value may be shared between threads as
/// any standard container may: many readers or one writer.
///
/// A Value may also hold a Queue, a Sender, a Receiver or a SharedBuffer, which stays the same
/// thing wherever it goes: copies of the Value are further handles on it.
///
///   atoll::Value record = atoll::Dict{{"name", "Ada"}, {"scores", std::vector{1.5, 2.5}}};
///   auto scores = record.at("scores").as<std::vector<double>>();
///   if (const auto* name = record.at("name").get_if<std::string>()) std::cout << *name;
///   std::cout << record;  // {'name': 'Ada', 'scores': [1.5, 2.5]}
///
/// There is no `Value{a, b}` for a list: `Value{a}` would be one too. Say `atoll::List{a, b}`.
class Value {
 public:
  Value() noexcept = default;
  Value(std::nullptr_t) noexcept {}
  template <std::same_as<bool> T>
  Value(T value) noexcept : data_(std::in_place_type<bool>, value) {}
  template <detail::number T>
  Value(T value) : data_(integer(value)) {}
  template <class T>
  requires detail::one_of<T, double, float> Value(T value)
  noexcept : data_(std::in_place_type<double>, value) {}
  Value(const char* text) : data_(std::in_place_type<std::string>, text) {}
  Value(std::string_view text) : data_(std::in_place_type<std::string>, text) {}
  Value(std::string text) noexcept : data_(std::in_place_type<std::string>, std::move(text)) {}
  Value(Bytes bytes) noexcept : data_(std::in_place_type<Bytes>, std::move(bytes)) {}
  Value(BigInt value);
  Value(List items) noexcept;
  Value(Tuple items) noexcept;
  Value(Dict items) noexcept;
  Value(Queue queue) noexcept : data_(std::in_place_type<Queue>, std::move(queue)) {}
  Value(Sender end) noexcept : data_(std::in_place_type<Sender>, std::move(end)) {}
  Value(Receiver end) noexcept : data_(std::in_place_type<Receiver>, std::move(end)) {}
  Value(SharedBuffer buffer) noexcept
      : data_(std::in_place_type<SharedBuffer>, std::move(buffer)) {}
  /// A list of anything that a Value can be made from.
  template <detail::container T>
  requires(!detail::map<T>) Value(const T& items);
  /// A dict from std::map and the like.
  template <detail::map T>
  Value(const T& items);
  /// A tuple from std::pair and std::tuple.
  template <detail::pair_like T>
  Value(const T& items);
  template <class T>
  requires std::is_constructible_v<Value, const T&> Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }
  /// What Converter<T> makes of it.
  template <detail::converted_to_value T>
  Value(const T& object) : Value(Converter<T>::to_value(object)) {}

  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] bool is_none() const noexcept { return kind() == Kind::none; }
  [[nodiscard]] bool is_bool() const noexcept { return kind() == Kind::boolean; }
  [[nodiscard]] bool is_integer() const noexcept { return kind() == Kind::integer; }
  [[nodiscard]] bool is_float() const noexcept { return kind() == Kind::floating; }
  [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::string; }
  [[nodiscard]] bool is_bytes() const noexcept { return kind() == Kind::bytes; }
  [[nodiscard]] bool is_list() const noexcept { return kind() == Kind::list; }
  [[nodiscard]] bool is_tuple() const noexcept { return kind() == Kind::tuple; }
  [[nodiscard]] bool is_dict() const noexcept { return kind() == Kind::dict; }
  [[nodiscard]] bool is_queue() const noexcept { return kind() == Kind::queue; }
  [[nodiscard]] bool is_sender() const noexcept { return kind() == Kind::sender; }
  [[nodiscard]] bool is_receiver() const noexcept { return kind() == Kind::receiver; }
  [[nodiscard]] bool is_buffer() const noexcept { return kind() == Kind::buffer; }

  /// The value as a C++ type: bool, any integer type, double, float, std::string, std::string_view
  /// (of an lvalue), Bytes, BigInt, List, Tuple, Dict, Queue, Sender, Receiver, SharedBuffer,
  /// std::nullptr_t, std::optional<T>, std::pair, std::tuple, std::vector<T> and other containers
  /// (from list or tuple), std::map<K, V> and the like (from dict), what Converter<T> makes, Value.
  /// An integer becomes a
  /// double when asked for; nothing else is converted. Throws ValueError for another kind of value,
  /// and for an integer out of the type's range. Of an lvalue std::string, Bytes, List, Tuple and
  /// Dict come as references into it.
  template <class T>
  [[nodiscard]] std::conditional_t<detail::referable<T>, const T&, T> as() const& {
    return detail::Cast<T>::get(*this);
  }
  template <class T>
  [[nodiscard]] T as() && {
    static_assert(!std::same_as<T, std::string_view>, "the view would outlive its text");
    if constexpr (detail::alternative<T>) {
      if (T* held = get_if<T>()) return std::move(*held);
    }
    return detail::Cast<T>::get(*this);
  }

  /// What it holds, or null if that is something else: bool, std::int64_t, double, std::string,
  /// Bytes, List, Tuple, Dict, Queue, Sender, Receiver, SharedBuffer; BigInt for integers outside
  /// of int64 only.
  template <detail::alternative T>
  [[nodiscard]] const T* get_if() const noexcept {
    return std::get_if<T>(&data_);
  }
  template <detail::alternative T>
  [[nodiscard]] T* get_if() noexcept {
    return std::get_if<T>(&data_);
  }

  /// Calls `visitor` with what it holds: one of the types of get_if(), or std::monostate for None.
  template <class Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    return std::visit(std::forward<Visitor>(visitor), data_);
  }

  /// Items of a list, tuple or dict, characters (in UTF-8) of text, bytes of Bytes or of a
  /// SharedBuffer. Throws ValueError for
  /// other kinds.
  [[nodiscard]] std::size_t size() const;
  /// An item of a list or tuple. Throws ValueError.
  [[nodiscard]] const Value& at(std::size_t index) const;
  /// An item of a dict. Throws ValueError.
  [[nodiscard]] const Value& at(std::string_view key) const;
  template <std::same_as<Value> V>
  [[nodiscard]] const Value& at(const V& key) const {
    return at_value(key);
  }

  /// The same kind and content. Unlike in Python 1, 1.0 and true differ; NaN equals nothing.
  friend bool operator==(const Value& a, const Value& b);

 private:
  using Data = std::variant<std::monostate, bool, std::int64_t, BigInt, double, std::string, Bytes,
                            List, Tuple, Dict, Queue, Sender, Receiver, SharedBuffer>;

  template <class T>
  static Data integer(T value) {
    if (std::in_range<std::int64_t>(value)) return static_cast<std::int64_t>(value);
    return BigInt(static_cast<std::uint64_t>(value));
  }

  const Value& at_value(const Value& key) const;

  Data data_;
};

/// As Python's repr() prints it.
[[nodiscard]] std::string to_string(const Value& value);
std::ostream& operator<<(std::ostream& out, const Value& value);

}  // namespace libatoll

#include "atoll/detail/value_cast.hpp"
