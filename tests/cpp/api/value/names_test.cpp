#include <doctest/doctest.h>

#include <type_traits>

#include "atoll/atoll.hpp"

static_assert(std::is_same_v<atoll::Converter<int>, libatoll::Converter<int>>);
static_assert(std::is_same_v<atoll::TypedSender<int>, libatoll::TypedSender<int>>);
static_assert(std::is_same_v<atoll::TypedReceiver<int>, libatoll::TypedReceiver<int>>);
static_assert(std::is_same_v<atoll::Extensions, libatoll::Extensions>);

TEST_CASE("functions by their short names") {
  CHECK(atoll::to_string(atoll::Gil::own) == "own");
  CHECK(atoll::to_string(atoll::Kind::list) == libatoll::to_string(libatoll::Kind::list));
  CHECK(atoll::to_string(atoll::Value(3)) == libatoll::to_string(libatoll::Value(3)));
  CHECK(atoll::gil_from_string("shared") == atoll::Gil::shared);
  CHECK(atoll::extensions_from_string(atoll::to_string(atoll::default_extensions())) ==
        atoll::default_extensions());
}
