#include "atoll/value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ostream>

namespace libatoll {

// --- Tuple and Dict ------------------------------------------------------------------------------

Tuple::Tuple() = default;
Tuple::Tuple(std::initializer_list<Value> items) : items_(items) {}
Tuple::Tuple(List items) noexcept : items_(std::move(items)) {}

std::size_t Tuple::size() const noexcept {
  return items_.size();
}
const Value* Tuple::begin() const noexcept {
  return items_.data();
}
const Value* Tuple::end() const noexcept {
  return items_.data() + items_.size();
}

namespace {

const Value& item_at(const List& items, std::size_t index, std::string_view kind) {
  if (index < items.size()) return items[index];
  throw ValueError(std::string(kind) + " index " + std::to_string(index) + " out of range (" +
                   std::to_string(items.size()) + " items)");
}

}  // namespace

const Value& Tuple::at(std::size_t index) const {
  return item_at(items_, index, "tuple");
}

bool operator==(const Tuple& a, const Tuple& b) {
  return a.items_ == b.items_;
}

Dict::Dict() = default;
Dict::Dict(std::initializer_list<Item> items) {
  reserve(items.size());
  for (const auto& [key, value] : items) set(key, value);
}

std::size_t Dict::size() const noexcept {
  return items_.size();
}
const Dict::Item* Dict::begin() const noexcept {
  return items_.data();
}
const Dict::Item* Dict::end() const noexcept {
  return items_.data() + items_.size();
}

const Value* Dict::find(std::string_view key) const noexcept {
  for (const auto& [name, value] : items_) {
    const auto* text = name.get_if<std::string>();
    if (text && *text == key) return &value;
  }
  return nullptr;
}

const Value* Dict::find_value(const Value& key) const {
  for (const auto& [name, value] : items_) {
    if (name == key) return &value;
  }
  return nullptr;
}

const Value& Dict::at(std::string_view key) const {
  if (const Value* value = find(key)) return *value;
  throw ValueError("no key " + to_string(Value(key)));
}

const Value& Dict::at_value(const Value& key) const {
  if (const Value* value = find(key)) return *value;
  throw ValueError("no key " + to_string(key));
}

void Dict::set(Value key, Value value) {
  if (const Value* found = find(key)) {
    *const_cast<Value*>(found) = std::move(value);
  } else {
    append(std::move(key), std::move(value));
  }
}

void Dict::append(Value key, Value value) {
  items_.emplace_back(std::move(key), std::move(value));
}

void Dict::reserve(std::size_t size) {
  items_.reserve(size);
}

bool operator==(const Dict& a, const Dict& b) {
  if (a.items_.size() != b.items_.size()) return false;
  if (a.items_ == b.items_) return true;
  return std::ranges::all_of(a.items_, [&](const Dict::Item& item) {
    const Value* other = b.find(item.first);
    return other && *other == item.second;
  });
}

// --- Value ---------------------------------------------------------------------------------------

Value::Value(BigInt value) {
  if (value.fits_int64()) {
    data_ = static_cast<std::int64_t>(value.low_bits());
  } else {
    data_ = std::move(value);
  }
}
Value::Value(List items) noexcept : data_(std::in_place_type<List>, std::move(items)) {}
Value::Value(Tuple items) noexcept : data_(std::in_place_type<Tuple>, std::move(items)) {}
Value::Value(Dict items) noexcept : data_(std::in_place_type<Dict>, std::move(items)) {}

Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

Kind Value::kind() const noexcept {
  constexpr Kind kinds[] = {Kind::none,     Kind::boolean, Kind::integer, Kind::integer,
                            Kind::floating, Kind::string,  Kind::bytes,   Kind::list,
                            Kind::tuple,    Kind::dict,    Kind::queue,   Kind::sender,
                            Kind::receiver, Kind::buffer};
  static_assert(std::size(kinds) == std::variant_size_v<Data>);
  return kinds[data_.index()];
}

std::size_t Value::size() const {
  return visit([this]<class T>(const T& held) -> std::size_t {
    if constexpr (requires { held.size(); } && !detail::one_of<T, Queue, Sender, Receiver>) {
      return held.size();
    } else {
      detail::throw_wrong_kind(*this, "a value with a size");
    }
  });
}

const Value& Value::at(std::size_t index) const {
  if (const auto* list = get_if<List>()) return item_at(*list, index, "list");
  if (const auto* tuple = get_if<Tuple>()) return tuple->at(index);
  detail::throw_wrong_kind(*this, "list or tuple");
}

const Value& Value::at(std::string_view key) const {
  if (const auto* dict = get_if<Dict>()) return dict->at(key);
  detail::throw_wrong_kind(*this, "dict");
}

const Value& Value::at_value(const Value& key) const {
  if (const auto* dict = get_if<Dict>()) return dict->at(key);
  detail::throw_wrong_kind(*this, "dict");
}

bool operator==(const Value& a, const Value& b) {
  return a.data_ == b.data_;
}

// --- printing ------------------------------------------------------------------------------------

std::string_view to_string(Kind kind) noexcept {
  switch (kind) {
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::floating:
      return "float";
    case Kind::string:
      return "str";
    case Kind::bytes:
      return "bytes";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::dict:
      return "dict";
    case Kind::queue:
      return "Queue";
    case Kind::sender:
      return "Sender";
    case Kind::receiver:
      return "Receiver";
    case Kind::buffer:
      return "SharedBuffer";
  }
  return "?";
}

namespace {

void print(const Value& value, std::string& out);

void print_float(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "nan";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-inf" : "inf";
    return;
  }
  char text[32];
  // Python's rule: positional from 1e-4 up to 1e16, scientific elsewhere.
  const double size = std::fabs(value);
  const bool positional = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto format = positional ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(std::begin(text), std::end(text), value, format).ptr;
  const std::string_view digits(text, static_cast<std::size_t>(end - text));
  out += digits;
  if (positional && digits.find('.') == digits.npos) out += ".0";
}

void print_escape(unsigned char byte, std::string& out) {
  char text[5];
  std::snprintf(text, sizeof text, "\\x%02x", byte);
  out += text;
}

/// The surrogate that starts at `at`, in the three-byte form that UTF-8 proper forbids; or 0.
unsigned surrogate_at(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  if (byte(0) != 0xED || byte(1) < 0xA0 || byte(1) > 0xBF || (byte(2) & 0xC0) != 0x80) return 0;
  return 0xD000u | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
}

void print_quoted(std::string_view text, bool is_text, std::string& out) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  out += quote;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_text)) {
      print_escape(byte, out);
    } else if (const unsigned surrogate = is_text ? surrogate_at(text, i) : 0) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", surrogate);
      out += escape;
      i += 2;
    } else {
      out += c;
    }
  }
  out += quote;
}

template <class Items, class Print>
void print_items(const Items& items, Print print_one, std::string& out) {
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ", ";
    first = false;
    print_one(item);
  }
}

struct Printer {
  std::string& out;

  void operator()(std::monostate) const { out += "None"; }
  void operator()(bool value) const { out += value ? "True" : "False"; }
  void operator()(std::int64_t value) const { out += std::to_string(value); }
  void operator()(const BigInt& value) const { out += value.to_string(); }
  void operator()(double value) const { print_float(value, out); }
  void operator()(const std::string& value) const { print_quoted(value, true, out); }
  void operator()(const Bytes& value) const {
    out += 'b';
    print_quoted(value.view(), false, out);
  }
  void operator()(const List& value) const {
    out += '[';
    print_items(
        value, [&](const Value& item) { print(item, out); }, out);
    out += ']';
  }
  void operator()(const Tuple& value) const {
    out += '(';
    print_items(
        value, [&](const Value& item) { print(item, out); }, out);
    out += value.size() == 1 ? ",)" : ")";
  }
  void operator()(const Dict& value) const {
    const auto print_pair = [&](const Dict::Item& item) {
      print(item.first, out);
      out += ": ";
      print(item.second, out);
    };
    out += '{';
    print_items(value, print_pair, out);
    out += '}';
  }
  void operator()(const Queue& value) const { out += "Queue(" + std::to_string(value.id()) + ")"; }
  void operator()(const Sender& value) const { print_end("Sender", value); }
  void operator()(const Receiver& value) const { print_end("Receiver", value); }
  void operator()(const SharedBuffer& value) const {
    out += "<SharedBuffer of " + std::to_string(value.size()) + " bytes>";
  }

  template <class End>
  void print_end(std::string_view name, const End& end) const {
    out += '<';
    out += name;
    out += end.is_closed() ? ", closed>" : ">";
  }
};

void print(const Value& value, std::string& out) {
  value.visit(Printer{out});
}

/// Enough of a value for an error message.
std::string brief(const Value& value) {
  constexpr std::size_t limit = 60;
  std::string text = to_string(value);
  if (text.size() > limit) {
    text.resize(limit - 3);
    text += "...";
  }
  return text;
}

}  // namespace

std::string to_string(const Value& value) {
  std::string out;
  print(value, out);
  return out;
}

std::ostream& operator<<(std::ostream& out, const Value& value) {
  return out << to_string(value);
}

namespace detail {

void throw_wrong_kind(const Value& value, std::string_view wanted) {
  throw ValueError("the value is " +
                   (value.is_none() ? "None" : "of type " + std::string(to_string(value.kind()))) +
                   ", not " + std::string(wanted) + (value.is_none() ? "" : ": " + brief(value)));
}

void throw_out_of_range(const Value& value, std::string_view type) {
  throw ValueError(brief(value) + " does not fit in " + std::string(type));
}

}  // namespace detail
}  // namespace libatoll
