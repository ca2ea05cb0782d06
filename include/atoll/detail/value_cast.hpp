// Between Value and the types of C++. Included by atoll/value.hpp.
#pragma once

#include "atoll/value.hpp"

#include <limits>

namespace libatoll {

template <detail::container T>
requires(!detail::map<T>) Value::Value(const T& items) : data_(std::in_place_type<List>) {
  auto& list = *get_if<List>();
  if constexpr (std::ranges::sized_range<const T>) {
    list.reserve(static_cast<std::size_t>(std::ranges::size(items)));
  }
  // The cast is for std::vector<bool>.
  for (auto&& item : items) {
    list.push_back(Value(static_cast<const std::ranges::range_value_t<const T>&>(item)));
  }
}

template <detail::map T>
Value::Value(const T& items) : data_(std::in_place_type<Dict>) {
  auto& dict = *get_if<Dict>();
  dict.reserve(items.size());
  for (const auto& [key, value] : items) dict.append(Value(key), Value(value));
}

template <detail::pair_like T>
Value::Value(const T& items)
    : data_(std::in_place_type<Tuple>,
            std::apply([](const auto&... item) { return List{Value(item)...}; }, items)) {}

namespace detail {

/// Runs `get`; what it throws is prefixed with where in the value it happened.
template <class Get>
auto at_index(std::size_t index, Get get) {
  try {
    return get();
  } catch (const ValueError& error) {
    const std::string inner = error.what();
    throw ValueError("[" + std::to_string(index) + "]" + (inner.starts_with("[") ? "" : ": ") +
                     inner);
  }
}

template <class T>
struct Cast {
  static std::conditional_t<referable<T>, const T&, T> get(const Value& value) {
    if constexpr (std::same_as<T, Value>) {
      return value;
    } else if constexpr (converted_from_value<T>) {
      return Converter<T>::from_value(value);
    } else if constexpr (one_of<T, double, float>) {
      return static_cast<T>(floating(value));
    } else if constexpr (number<T>) {
      return integer(value);
    } else if constexpr (std::same_as<T, BigInt>) {
      if (const auto* held = value.get_if<std::int64_t>()) return BigInt(*held);
      return held_in<BigInt>(value, "int");
    } else if constexpr (alternative<T>) {
      return held_in<T>(value, name());
    } else if constexpr (std::same_as<T, std::string_view>) {
      return held_in<std::string>(value, "str");
    } else if constexpr (std::same_as<T, std::nullptr_t>) {
      if (!value.is_none()) throw_wrong_kind(value, "None");
      return nullptr;
    } else if constexpr (map<T>) {
      return mapping(value);
    } else if constexpr (container<T>) {
      return sequence(value);
    } else if constexpr (pair_like<T>) {
      return fixed(value, std::make_index_sequence<std::tuple_size_v<T>>());
    } else {
      static_assert(!std::same_as<T, T>, "Value::as() does not know this type");
    }
  }

 private:
  template <class H>
  static const H& held_in(const Value& value, std::string_view wanted) {
    if (const H* held = value.get_if<H>()) return *held;
    throw_wrong_kind(value, wanted);
  }

  static constexpr std::string_view name() {
    if constexpr (std::same_as<T, bool>) return "bool";
    if constexpr (std::same_as<T, std::string>) return "str";
    if constexpr (std::same_as<T, Bytes>) return "bytes";
    if constexpr (std::same_as<T, List>) return "list";
    if constexpr (std::same_as<T, Tuple>) return "tuple";
    if constexpr (std::same_as<T, Queue>) return "Queue";
    if constexpr (std::same_as<T, Sender>) return "Sender";
    if constexpr (std::same_as<T, Receiver>) return "Receiver";
    if constexpr (std::same_as<T, SharedBuffer>) return "SharedBuffer";
    return "dict";
  }

  static double floating(const Value& value) {
    if (const auto* held = value.get_if<double>()) return *held;
    if (const auto* held = value.get_if<std::int64_t>()) return static_cast<double>(*held);
    if (const auto* held = value.get_if<BigInt>()) return held->to_double();
    throw_wrong_kind(value, "float");
  }

  static T integer(const Value& value) {
    constexpr bool is_signed = std::is_signed_v<T>;
    if (const auto* held = value.get_if<std::int64_t>()) {
      if (std::in_range<T>(*held)) return static_cast<T>(*held);
    } else if (const auto* big = value.get_if<BigInt>()) {
      if (!is_signed && sizeof(T) == 8 && big->fits_uint64()) {
        return static_cast<T>(big->low_bits());
      }
    } else {
      throw_wrong_kind(value, "int");
    }
    throw_out_of_range(value, std::string(is_signed ? "a signed" : "an unsigned") + " integer of " +
                                  std::to_string(8 * sizeof(T)) + " bits");
  }

  static const List& items_of(const Value& value) {
    if (const auto* list = value.get_if<List>()) return *list;
    if (const auto* tuple = value.get_if<Tuple>()) return tuple->items();
    throw_wrong_kind(value, "list or tuple");
  }

  static T sequence(const Value& value) {
    const List& items = items_of(value);
    using Item = std::ranges::range_value_t<T>;
    if constexpr (pair_like_size<T>() != 0) {
      return fixed(value, std::make_index_sequence<pair_like_size<T>()>());
    } else {
      T out;
      std::size_t index = 0;
      for (const Value& item : items) {
        out.insert(out.end(), at_index(index, [&] { return item.as<Item>(); }));
        ++index;
      }
      return out;
    }
  }

  /// For std::array, which is a container of a fixed size.
  template <class A>
  static constexpr std::size_t pair_like_size() {
    if constexpr (requires { std::tuple_size<A>::value; }) {
      return std::tuple_size_v<A>;
    } else {
      return 0;
    }
  }

  static T mapping(const Value& value) {
    T out;
    for (const auto& [key, item] : held_in<Dict>(value, "dict")) {
      out.insert_or_assign(key.template as<typename T::key_type>(),
                           item.template as<typename T::mapped_type>());
    }
    return out;
  }

  template <std::size_t... I>
  static T fixed(const Value& value, std::index_sequence<I...>) {
    const List& items = items_of(value);
    if (items.size() != sizeof...(I)) {
      throw ValueError("a " + std::string(to_string(value.kind())) + " of " +
                       std::to_string(items.size()) + " items, not of " +
                       std::to_string(sizeof...(I)));
    }
    return T{at_index(I, [&] { return items[I].template as<std::tuple_element_t<I, T>>(); })...};
  }
};

template <class T>
struct Cast<std::optional<T>> {
  static std::optional<T> get(const Value& value) {
    if (value.is_none()) return std::nullopt;
    return value.as<T>();
  }
};

}  // namespace detail
}  // namespace libatoll
