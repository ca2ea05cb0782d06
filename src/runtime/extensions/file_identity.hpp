// Which file it is, and in which state: one that replaces it is another.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace libatoll::runtime::extensions {

using FileIdentity = std::tuple<dev_t, ino_t, off_t, time_t, long>;

inline FileIdentity identity_of(const struct stat& status) noexcept {
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec};
}

/// Nothing if there is no such file.
inline std::optional<FileIdentity> identity_of(const std::string& path) noexcept {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_of(status);
}

inline constexpr std::uint64_t fnv_basis = 0xcbf29ce484222325ULL;

/// FNV-1a (Fowler, Noll, Vo): for names, not for proofs.
constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t seed = fnv_basis) noexcept {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return seed;
}

}  // namespace libatoll::runtime::extensions
