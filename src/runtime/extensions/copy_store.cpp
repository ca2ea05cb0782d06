#include "runtime/extensions/copy_store.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/extensions/error.hpp"
#include "runtime/extensions/file_descriptor.hpp"
#include "runtime/extensions/file_identity.hpp"

namespace libatoll::runtime::extensions {

namespace fs = std::filesystem;

namespace {

/// The cache may hold this much.
constexpr std::uintmax_t most_bytes = std::uintmax_t{4} << 30;

std::string hexadecimal(std::uint64_t value) {
  std::string out(16, '0');
  for (std::size_t i = out.size(); i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15];
  return out;
}

bool write_all(int fd, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// Nobody but the user could have put anything there.
bool is_private(const struct stat& status) noexcept {
  return status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// The folder, made if need be, or nothing if it cannot be used.
FileDescriptor open_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return FileDescriptor();
  FileDescriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!folder || fstat(folder.get(), &status) != 0 || !is_private(status)) return FileDescriptor();
  struct statvfs system {};
  if (fstatvfs(folder.get(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) {
    return FileDescriptor();
  }
  return folder;
}

/// The file is the user's alone and holds exactly `bytes`.
bool is_copy(int folder, const char* name, std::span<const std::byte> bytes) {
  const FileDescriptor file(openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || !is_private(status) ||
      static_cast<std::size_t>(status.st_size) != bytes.size()) {
    return false;
  }
  void* const memory = mmap(nullptr, bytes.size(), PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return false;
  const bool equal = std::memcmp(memory, bytes.data(), bytes.size()) == 0;
  munmap(memory, bytes.size());
  // What is used is kept.
  if (equal) futimens(file.get(), nullptr);
  return equal;
}

/// A reflink where the file system has them: the blocks stay shared until they differ.
void clone(int to, const std::string& origin) noexcept {
  const FileDescriptor from(open(origin.c_str(), O_RDONLY | O_CLOEXEC));
  if (from) (void)ioctl(to, FICLONE, from.get());
}

/// Writes only the blocks that differ from what a reflink has brought.
bool fill(int fd, std::span<const std::byte> bytes) noexcept {
  struct stat status {};
  if (fstat(fd, &status) != 0) return false;
  if (static_cast<std::size_t>(status.st_size) != bytes.size()) return write_all(fd, bytes);
  constexpr std::size_t block = 65536;
  std::vector<std::byte> seen(block);
  for (std::size_t at = 0; at < bytes.size(); at += block) {
    const auto wanted = bytes.subspan(at, std::min(block, bytes.size() - at));
    const auto offset = static_cast<off_t>(at);
    const bool same =
        pread(fd, seen.data(), wanted.size(), offset) == static_cast<ssize_t>(wanted.size()) &&
        std::memcmp(seen.data(), wanted.data(), wanted.size()) == 0;
    if (!same &&
        pwrite(fd, wanted.data(), wanted.size(), offset) != static_cast<ssize_t>(wanted.size())) {
      return false;
    }
  }
  return true;
}

bool make_copy(int folder, const std::string& name, const std::string& origin,
               std::span<const std::byte> bytes) {
  static std::atomic<unsigned> serial{0};
  const std::string partial =
      ".partial-" + std::to_string(getpid()) + '-' + std::to_string(serial.fetch_add(1));
  const FileDescriptor file(
      openat(folder, partial.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRWXU));
  if (!file) return false;
  clone(file.get(), origin);
  if (fill(file.get(), bytes) && renameat(folder, partial.c_str(), folder, name.c_str()) == 0) {
    return true;
  }
  unlinkat(folder, partial.c_str(), 0);
  return false;
}

/// Removes what was used least recently. Files in use stay mapped: their memory is not harmed.
void trim(const std::string& folder) {
  struct File {
    fs::path path;
    std::uintmax_t size;
    fs::file_time_type used;
  };
  std::error_code error;
  std::vector<File> files;
  std::uintmax_t total = 0;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_regular_file(error)) continue;
    files.push_back({entry.path(), entry.file_size(error), entry.last_write_time(error)});
    total += files.back().size;
  }
  if (total <= most_bytes) return;
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.used < b.used; });
  for (const File& file : files) {
    if (total <= most_bytes / 4 * 3) return;
    if (fs::remove(file.path, error)) total -= file.size;
  }
}

}  // namespace

std::string cache_folder() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache && cache[0] == '/') return std::string(cache) + "/atoll/extensions";
  const char* const home = std::getenv("HOME");
  if (home && home[0] == '/') return std::string(home) + "/.cache/atoll/extensions";
  return {};
}

std::string store_in_memory(const ElfImage& image) {
  FileDescriptor file(memfd_create("atoll-extension", MFD_CLOEXEC));
  if (!file || !write_all(file.get(), image.bytes())) {
    throw ExtensionError(std::string("a private copy cannot be made: ") + std::strerror(errno));
  }
  // It stays open: the dynamic linker knows libraries by path, so the number must not come again.
  return "/proc/self/fd/" + std::to_string(file.release());
}

std::string store_copy(const ElfImage& image, const std::string& origin, std::size_t place) {
  const std::string folder_path = cache_folder();
  const FileDescriptor folder = folder_path.empty() ? FileDescriptor() : open_folder(folder_path);
  if (!folder) return store_in_memory(image);
  const struct stat& status = image.status();
  std::string key = origin;
  for (const std::int64_t part :
       {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
        static_cast<std::int64_t>(status.st_size), static_cast<std::int64_t>(status.st_mtim.tv_sec),
        static_cast<std::int64_t>(status.st_mtim.tv_nsec), static_cast<std::int64_t>(place)}) {
    key += '\0' + std::to_string(part);
  }
  // Two hashes with different seeds: the bytes are compared all the same.
  const std::string name = hexadecimal(fnv1a(key)) +
                           hexadecimal(fnv1a(key, 0x84222325cbf29ce4ULL)) + '-' +
                           fs::path(origin).filename().string();
  if (!is_copy(folder.get(), name.c_str(), image.bytes())) {
    if (!make_copy(folder.get(), name, origin, image.bytes())) return store_in_memory(image);
    trim(folder_path);
  }
  return folder_path + '/' + name;
}

}  // namespace libatoll::runtime::extensions
