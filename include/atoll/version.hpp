// Which atoll this is.
#pragma once

#include <string_view>

#define ATOLL_VERSION_MAJOR 0
#define ATOLL_VERSION_MINOR 1
#define ATOLL_VERSION_PATCH 0

namespace libatoll {

/// The version of the library that is loaded, e.g. "0.1.0".
[[nodiscard]] std::string_view version() noexcept;

}  // namespace libatoll
