// UTF-8 in which lone surrogates are kept in their three-byte form: the text of a Value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace libatoll::api::utf8 {

inline constexpr char32_t invalid = 0xFFFFFFFF;
inline constexpr char32_t last = 0x10FFFF;

/// The length of the ASCII text at the beginning.
[[nodiscard]] inline std::size_t ascii_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::uint64_t word; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (word & 0x8080808080808080U) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

/// The character at `at`, which is moved behind it; or `invalid`. `at` < text.size().
[[nodiscard]] inline char32_t next(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  if (first < 0x80) return ++at, first;
  // What each length begins at: less would have a shorter form.
  static constexpr char32_t least[] = {0x80, 0x800, 0x10000};
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first > 0xF4 || text.size() - at <= static_cast<std::size_t>(more)) {
    return invalid;
  }
  char32_t character = first & (0x3FU >> more);
  for (int i = 1; i <= more; ++i) {
    const unsigned each = byte(at + static_cast<std::size_t>(i));
    if ((each & 0xC0) != 0x80) return invalid;
    character = character << 6 | (each & 0x3FU);
  }
  if (character < least[more - 1] || character > last) return invalid;
  at += static_cast<std::size_t>(more) + 1;
  return character;
}

/// `character` <= last.
inline void append(std::string& text, char32_t character) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
}

}  // namespace libatoll::api::utf8
