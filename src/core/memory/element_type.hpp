// What the elements of a SharedArray can be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace libatoll::core {

/// A number in the host's byte order, or a bool of one byte.
struct ElementType {
  /// As NumPy and the array interface call them.
  enum class Kind : char {
    boolean = 'b',
    integer = 'i',
    unsigned_ = 'u',
    real = 'f',
    complex = 'c'
  };

  const char* name;    ///< NumPy's
  const char* format;  ///< the buffer protocol's
  Kind kind;
  std::uint8_t size;  ///< in bytes
};

/// long is what NumPy's int64 is, where it is that long.
inline constexpr std::array<ElementType, 14> element_types{{
    {"bool", "?", ElementType::Kind::boolean, 1},
    {"int8", "b", ElementType::Kind::integer, 1},
    {"int16", "h", ElementType::Kind::integer, 2},
    {"int32", "i", ElementType::Kind::integer, 4},
    {"int64", sizeof(long) == 8 ? "l" : "q", ElementType::Kind::integer, 8},
    {"uint8", "B", ElementType::Kind::unsigned_, 1},
    {"uint16", "H", ElementType::Kind::unsigned_, 2},
    {"uint32", "I", ElementType::Kind::unsigned_, 4},
    {"uint64", sizeof(long) == 8 ? "L" : "Q", ElementType::Kind::unsigned_, 8},
    {"float16", "e", ElementType::Kind::real, 2},
    {"float32", "f", ElementType::Kind::real, 4},
    {"float64", "d", ElementType::Kind::real, 8},
    {"complex64", "Zf", ElementType::Kind::complex, 8},
    {"complex128", "Zd", ElementType::Kind::complex, 16},
}};

/// Null: there is none.
[[nodiscard]] constexpr const ElementType* find_element_type(ElementType::Kind kind,
                                                             std::size_t size) noexcept {
  for (const ElementType& each : element_types) {
    if (each.kind == kind && each.size == size) return &each;
  }
  return nullptr;
}

}  // namespace libatoll::core
