// Which file it is, and in which state: one that replaces it is another.
#pragma once

#include <sys/stat.h>

#include <tuple>

namespace libatoll::runtime::extensions {

using FileIdentity = std::tuple<dev_t, ino_t, off_t, time_t, long>;

inline FileIdentity identity_of(const struct stat& status) noexcept {
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec};
}

}  // namespace libatoll::runtime::extensions
