#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "atoll/bigint.hpp"
#include "atoll/error.hpp"

using libatoll::BigInt;

TEST_CASE("decimal and hexadecimal text") {
  for (const char* text : {"0", "1", "-1", "4294967295", "4294967296", "-18446744073709551616",
                           "1000000000", "123456789012345678901234567890"}) {
    CHECK(BigInt(text).to_string() == text);
    CHECK(BigInt(BigInt(text).to_string(16)) == BigInt(text));
  }
  CHECK(BigInt("255").to_string(16) == "0xff");
  CHECK(BigInt("-0X1F").to_string() == "-31");
  CHECK(BigInt("+7").to_string() == "7");
  CHECK(BigInt("000000000000000000000000012").to_string() == "12");
  CHECK(BigInt("-123456789012345678901234567890").to_string(16) == "-0x18ee90ff6c373e0ee4e3f0ad2");
  CHECK(BigInt().to_string(16) == "0x0");
  CHECK(BigInt("-0") == BigInt());
}

TEST_CASE("what is no integer is refused") {
  for (const char* text : {"", "-", "0x", "1.5", "1_000", " 1", "1 ", "--1", "0x-1", "12a", "0xg",
                           "1234567890123-5"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(BigInt{text}, libatoll::ValueError);
  }
  CHECK_THROWS_AS((void)BigInt(1).to_string(2), libatoll::ValueError);
}

TEST_CASE("machine integers") {
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  CHECK(BigInt(lowest).to_string() == "-9223372036854775808");
  CHECK(BigInt(std::numeric_limits<std::uint64_t>::max()).to_string() == "18446744073709551615");
  CHECK(BigInt(lowest).fits_int64());
  CHECK(static_cast<std::int64_t>(BigInt(lowest).low_bits()) == lowest);
  CHECK(BigInt(highest).fits_int64());
  CHECK_FALSE(BigInt("9223372036854775808").fits_int64());
  CHECK_FALSE(BigInt("-9223372036854775809").fits_int64());
  CHECK_FALSE(BigInt("-18446744073709551615").fits_int64());
  CHECK(BigInt("18446744073709551615").fits_uint64());
  CHECK_FALSE(BigInt("18446744073709551616").fits_uint64());
  CHECK_FALSE(BigInt(-1).fits_uint64());
}

TEST_CASE("words") {
  const std::vector<std::uint32_t> words{1, 2, 3, 0, 0};
  const BigInt value(true, words);
  CHECK(value.magnitude().size() == 3);
  CHECK(value.to_string(16) == "-0x30000000200000001");
  CHECK_FALSE(BigInt(true, {}).is_negative());
}

TEST_CASE("the nearest double") {
  CHECK(BigInt("-9007199254740993").to_double() == -9007199254740992.0);
  CHECK(BigInt("100000000000000000000").to_double() == 1e20);
  CHECK_THROWS_AS((void)BigInt("1" + std::string(400, '0')).to_double(), libatoll::ValueError);
  CHECK_THROWS_AS((void)BigInt("0x1" + std::string(256, '0')).to_double(), libatoll::ValueError);
}
