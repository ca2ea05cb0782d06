// Where private copies lie, what becomes of damaged ones, and how much is kept.
#include "runtime/extensions/copy_store.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "elf_file.hpp"

using namespace libatoll::runtime::extensions;
using namespace libatoll::test;
namespace fs = std::filesystem;

namespace {

/// An environment variable for the time of a test.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) {
    if (const char* const former = std::getenv(name)) former_ = former;
    setenv(name, value.c_str(), 1);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() {
    if (former_) {
      setenv(name_, former_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> former_;
};

struct Store {
  TemporaryFolder folder;
  Setting cache{"XDG_CACHE_HOME", folder / "cache"};
  std::string origin = folder / "own.so";
  std::string good = ElfFile{.soname = "libown.so", .symbols = {{"PyInit_own", true}}}.bytes();

  Store() { write_file(origin, good); }

  [[nodiscard]] std::string copy(std::size_t place = 0) const {
    return store_copy(ElfImage(origin), origin, place);
  }
  [[nodiscard]] std::size_t files() const {
    const fs::directory_iterator all(cache_folder());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  [[nodiscard]] static bool is_in_memory(const std::string& path) {
    return path.starts_with("/proc/self/fd/");
  }
};

}  // namespace

TEST_CASE("the folder follows the environment") {
  const Setting home("HOME", "/somewhere/home");
  {
    const Setting cache("XDG_CACHE_HOME", "/somewhere/cache");
    CHECK(cache_folder() == "/somewhere/cache/atoll/extensions");
  }
  {
    const Setting cache("XDG_CACHE_HOME", "relative");
    CHECK(cache_folder() == "/somewhere/home/.cache/atoll/extensions");
    const Setting none("HOME", "");
    CHECK(cache_folder().empty());
  }
}

TEST_CASE("a copy is made once for each place, and is complete") {
  const Store store;
  const std::string path = store.copy();
  CHECK(path.starts_with(cache_folder() + '/'));
  CHECK(path.ends_with("-own.so"));
  CHECK(read_file(path) == store.good);
  struct stat first {};
  REQUIRE(stat(path.c_str(), &first) == 0);
  CHECK(store.copy() == path);
  struct stat second {};
  REQUIRE(stat(path.c_str(), &second) == 0);
  CHECK(first.st_ino == second.st_ino);
  const std::string other = store.copy(1);
  CHECK(other != path);
  CHECK(read_file(other) == store.good);
  CHECK(store.files() == 2);
  CHECK((fs::status(cache_folder()).permissions() & fs::perms::all) == fs::perms::owner_all);
}

TEST_CASE("the copy holds the edits") {
  const Store store;
  ElfImage image(store.origin);
  image.rename_library("libown.so", "libtwo.so");
  CHECK(ElfImage(store_copy(image, store.origin, 0)).soname() == "libtwo.so");
}

TEST_CASE("a file that was replaced gets another copy") {
  const Store store;
  const std::string path = store.copy();
  write_file(store.origin, ElfFile{.soname = "libanother.so"}.bytes());
  const std::string other = store.copy();
  CHECK(other != path);
  CHECK(ElfImage(other).soname() == "libanother.so");
}

TEST_CASE("a damaged copy is made again, by a file of its own") {
  const Store store;
  const std::string path = store.copy();
  SUBCASE("of the same size") {
    std::string bytes = store.good;
    bytes.back() = 'x';
    write_file(path, bytes);
  }
  SUBCASE("shorter") {
    write_file(path, store.good.substr(0, 100));
  }
  SUBCASE("a link to a file of somebody else") {
    fs::remove(path);
    write_file(store.folder / "elsewhere", "keep");
    fs::create_symlink(store.folder / "elsewhere", path);
  }
  SUBCASE("that others may write to") {
    fs::permissions(path, fs::perms::all);
  }
  struct stat before {};
  REQUIRE(lstat(path.c_str(), &before) == 0);
  CHECK(store.copy() == path);
  CHECK(read_file(path) == store.good);
  struct stat after {};
  REQUIRE(lstat(path.c_str(), &after) == 0);
  CHECK(S_ISREG(after.st_mode));
  CHECK((after.st_mode & (S_IWGRP | S_IWOTH)) == 0);
  CHECK(before.st_ino != after.st_ino);  // who has mapped the former one is not harmed
  CHECK(store.files() == 1);
  if (fs::exists(store.folder / "elsewhere"))
    CHECK(read_file(store.folder / "elsewhere") == "keep");
}

TEST_CASE("without a folder of the user's own, copies lie in memory") {
  const Store store;
  const std::string folder = cache_folder();
  SUBCASE("it cannot be made") {
    write_file(fs::path(folder).parent_path().string(), "a file");
  }
  SUBCASE("others may write to it") {
    fs::create_directories(folder);
    fs::permissions(folder, fs::perms::all);
  }
  SUBCASE("it is a link") {
    fs::create_directories(fs::path(folder).parent_path());
    fs::create_directories(store.folder / "elsewhere");
    fs::create_directory_symlink(store.folder / "elsewhere", folder);
  }
  const std::string path = store.copy();
  CHECK(store.is_in_memory(path));
  CHECK(read_file(path) == store.good);
  CHECK(store.copy() != path);  // a place of its own each time
}

TEST_CASE("the files that were used least recently go") {
  const Store store;
  const std::string used = store.copy();
  const auto now = fs::file_time_type::clock::now();
  for (int age = 1; age <= 3; ++age) {
    const std::string path = cache_folder() + "/old-" + std::to_string(age);
    write_file(path, "");
    fs::resize_file(path, std::uintmax_t{1900} << 20);  // with holes: it takes no room
    fs::last_write_time(path, now - std::chrono::hours(age));
  }
  CHECK(store.copy() == used);
  CHECK(store.files() == 4);  // nothing was added
  const std::string other = store.copy(1);
  CHECK(fs::exists(used));
  CHECK(fs::exists(other));
  CHECK(fs::exists(cache_folder() + "/old-1"));
  CHECK_FALSE(fs::exists(cache_folder() + "/old-2"));
  CHECK_FALSE(fs::exists(cache_folder() + "/old-3"));
}
