#include "atoll/bigint.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>

#include "atoll/error.hpp"

namespace libatoll {

namespace {

constexpr std::uint32_t decimal_chunk = 1'000'000'000;  // the largest power of ten in a word
constexpr std::size_t decimal_chunk_digits = 9;
constexpr std::size_t hex_digits_per_word = 8;

[[noreturn]] void refuse(std::string_view text) {
  throw ValueError("not an integer: '" + std::string(text.substr(0, 40)) +
                   (text.size() > 40 ? "...'" : "'"));
}

std::uint32_t parse_word(std::string_view digits, int base, std::string_view whole) {
  std::uint32_t word = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, word, base);
  if (error != std::errc{} || stop != end) refuse(whole);
  return word;
}

/// magnitude = magnitude * factor + addend
void multiply_add(std::vector<std::uint32_t>& magnitude, std::uint32_t factor,
                  std::uint32_t addend) {
  std::uint64_t carry = addend;
  for (auto& word : magnitude) {
    carry += std::uint64_t{word} * factor;
    word = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  if (carry != 0) magnitude.push_back(static_cast<std::uint32_t>(carry));
}

/// Divides in place and returns the remainder.
std::uint32_t divide(std::vector<std::uint32_t>& magnitude, std::uint32_t divisor) {
  std::uint64_t rest = 0;
  for (auto word = magnitude.rbegin(); word != magnitude.rend(); ++word) {
    rest = (rest << 32) | *word;
    *word = static_cast<std::uint32_t>(rest / divisor);
    rest %= divisor;
  }
  while (!magnitude.empty() && magnitude.back() == 0) magnitude.pop_back();
  return static_cast<std::uint32_t>(rest);
}

std::string to_decimal(std::vector<std::uint32_t> magnitude) {
  std::string reversed;
  while (!magnitude.empty()) {
    std::uint32_t chunk = divide(magnitude, decimal_chunk);
    for (std::size_t i = 0; i < decimal_chunk_digits; ++i, chunk /= 10) {
      reversed.push_back(static_cast<char>('0' + chunk % 10));
    }
  }
  while (reversed.size() > 1 && reversed.back() == '0') reversed.pop_back();
  return {reversed.rbegin(), reversed.rend()};
}

std::string to_hex(std::span<const std::uint32_t> magnitude) {
  std::string text;
  for (std::size_t i = magnitude.size(); i-- > 0;) {
    char word[hex_digits_per_word + 1];
    const bool first = i + 1 == magnitude.size();
    const int length = std::snprintf(word, sizeof word, first ? "%x" : "%08x", magnitude[i]);
    text.append(word, static_cast<std::size_t>(length));
  }
  return text;
}

}  // namespace

BigInt::BigInt(std::int64_t value)
    : BigInt(value < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(value)
                       : static_cast<std::uint64_t>(value)) {
  negative_ = value < 0;
}

BigInt::BigInt(std::uint64_t value)
    : magnitude_{static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)} {
  normalize();
}

BigInt::BigInt(bool negative, std::span<const std::uint32_t> magnitude)
    : negative_(negative), magnitude_(magnitude.begin(), magnitude.end()) {
  normalize();
}

BigInt::BigInt(std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) {
    negative_ = digits.front() == '-';
    digits.remove_prefix(1);
  }
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  if (hex) digits.remove_prefix(2);
  if (digits.empty()) refuse(text);
  if (hex) {
    while (!digits.empty()) {
      const std::size_t start = digits.size() - std::min(digits.size(), hex_digits_per_word);
      magnitude_.push_back(parse_word(digits.substr(start), 16, text));
      digits = digits.substr(0, start);
    }
  } else {
    // A short first chunk, then full ones.
    std::size_t length = (digits.size() - 1) % decimal_chunk_digits + 1;
    while (!digits.empty()) {
      multiply_add(magnitude_, decimal_chunk, parse_word(digits.substr(0, length), 10, text));
      digits.remove_prefix(length);
      length = decimal_chunk_digits;
    }
  }
  normalize();
}

void BigInt::normalize() noexcept {
  while (!magnitude_.empty() && magnitude_.back() == 0) magnitude_.pop_back();
  if (magnitude_.empty()) negative_ = false;
}

bool BigInt::fits_uint64() const noexcept {
  return !negative_ && magnitude_.size() <= 2;
}

bool BigInt::fits_int64() const noexcept {
  if (magnitude_.size() > 2) return false;
  const std::uint64_t bits = low_bits();
  // In two's complement the sign bit says the sign, unless the magnitude is too large.
  return magnitude_.empty() || (static_cast<std::int64_t>(bits) < 0) == negative_;
}

std::uint64_t BigInt::low_bits() const noexcept {
  std::uint64_t bits = 0;
  if (!magnitude_.empty()) bits = magnitude_[0];
  if (magnitude_.size() > 1) bits |= std::uint64_t{magnitude_[1]} << 32;
  return negative_ ? std::uint64_t{0} - bits : bits;
}

double BigInt::to_double() const {
  if (magnitude_.size() * 32 > std::numeric_limits<double>::max_exponent + 32) {
    throw ValueError("integer too large for a double");
  }
  const std::string text = to_string();
  double result = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{}) throw ValueError("integer too large for a double");
  return result;
}

std::string BigInt::to_string(int base) const {
  if (base != 10 && base != 16) throw ValueError("base must be 10 or 16");
  std::string text = negative_ ? "-" : "";
  if (base == 16) text += "0x";
  if (magnitude_.empty()) return text + "0";
  return text + (base == 16 ? to_hex(magnitude_) : to_decimal(magnitude_));
}

}  // namespace libatoll
