// From Python's error indicator to text.
#pragma once

#include <string>

namespace libatoll::runtime {

/// "Type: message" of the current Python error, which is cleared. Never fails.
[[nodiscard]] std::string take_error_text() noexcept;

}  // namespace libatoll::runtime
