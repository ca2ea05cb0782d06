// Python's integers of any size, as a C++ value without arithmetic.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace libatoll {

/// An integer of any size: sign and magnitude. It carries a number to and from a library that
/// calculates with it, as text or as words.
///
///   atoll::BigInt n("-123456789012345678901234567890");
///   n.to_string();    // the same text
///   n.to_string(16);  // "-0x18ee90ff6c373e0ee4e3f0ad2"
class BigInt {
 public:
  /// Zero.
  BigInt() = default;
  explicit BigInt(std::int64_t value);
  explicit BigInt(std::uint64_t value);
  explicit BigInt(int value) : BigInt(std::int64_t{value}) {}
  /// Decimal digits, or hexadecimal ones after "0x", with an optional sign. Throws ValueError.
  /// Decimal text takes time quadratic in its length, hexadecimal text linear time.
  explicit BigInt(std::string_view text);
  /// From words of the magnitude, the least significant first.
  BigInt(bool negative, std::span<const std::uint32_t> magnitude);

  [[nodiscard]] bool is_negative() const noexcept { return negative_; }
  /// Words of the absolute value, the least significant first, without leading zeros; none for 0.
  [[nodiscard]] std::span<const std::uint32_t> magnitude() const noexcept { return magnitude_; }
  [[nodiscard]] bool fits_int64() const noexcept;
  [[nodiscard]] bool fits_uint64() const noexcept;
  /// The value modulo 2**64, in two's complement.
  [[nodiscard]] std::uint64_t low_bits() const noexcept;
  /// The nearest double. Throws ValueError beyond its range.
  [[nodiscard]] double to_double() const;
  /// In base 10, or in base 16 with "0x" in front.
  [[nodiscard]] std::string to_string(int base = 10) const;

  friend bool operator==(const BigInt&, const BigInt&) = default;

 private:
  void normalize() noexcept;

  bool negative_ = false;
  std::vector<std::uint32_t> magnitude_;
};

}  // namespace libatoll
