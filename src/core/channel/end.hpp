// The two ends of a channel.
#pragma once

#include <cstdint>

namespace libatoll::core {

enum class End : std::uint8_t { sending = 1, receiving = 2, both = 3 };

}  // namespace libatoll::core
