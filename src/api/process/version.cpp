#include "atoll/version.hpp"

#define ATOLL_TEXT(x) #x
#define ATOLL_DOTTED(a, b, c) ATOLL_TEXT(a) "." ATOLL_TEXT(b) "." ATOLL_TEXT(c)

namespace libatoll {

std::string_view version() noexcept {
  return ATOLL_DOTTED(ATOLL_VERSION_MAJOR, ATOLL_VERSION_MINOR, ATOLL_VERSION_PATCH);
}

}  // namespace libatoll
