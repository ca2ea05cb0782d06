// What is read out of the files of extension modules, and that no file leads to a fault.
#include "runtime/extensions/elf_image.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "../../support.hpp"
#include "elf_file.hpp"
#include "runtime/extensions/error.hpp"

using namespace libatoll::runtime::extensions;
using namespace libatoll::test;

namespace {

ElfFile example() {
  return {.soname = "libown.so.1",
          .needed = {"libone-1234.so", "libc.so.6"},
          .runpath = "$ORIGIN/../pkg.libs:/usr/lib:${ORIGIN}",
          .symbols = {{"PyList_New"},
                      {"__cxa_atexit"},
                      {"PyInit_own", true},
                      {"unique_one", true, STB_GNU_UNIQUE},
                      {"unique_two", true, STB_GNU_UNIQUE},
                      {"unique_import", false, STB_GNU_UNIQUE}},
          .entries = {{DT_FLAGS, DF_BIND_NOW}, {DT_FINI_ARRAYSZ, 16}, {DT_FINI, 1000}}};
}

std::string bytes_of(const ElfImage& image) {
  return {reinterpret_cast<const char*>(image.bytes().data()), image.bytes().size()};
}

/// Everything that a caller may ask of an image, or do to it.
void use(const std::string& path) {
  ElfImage image(path);
  (void)image.needed();
  (void)image.soname();
  (void)image.folders_beside();
  (void)image.imports("nothing");
  (void)image.exports("nothing");
  (void)image.imports_python();
  image.separate_unique_symbols([](const char* name) { return std::string(name) == "unique_two"; });
  image.drop_exit_handlers();
  image.prefer_own_symbols();
  image.rename_library("libone-1234.so", "libone-5678.so");
}

std::string refusal(const std::string& path) {
  return text_of<ExtensionError>([&] { use(path); });
}

}  // namespace

TEST_CASE("what a file says") {
  const TemporaryFolder folder;
  for (const bool has_gnu_hash : {false, true}) {
    CAPTURE(has_gnu_hash);
    ElfFile file = example();
    file.has_gnu_hash = has_gnu_hash;
    file.write(folder / "own.so");
    const ElfImage image(folder / "own.so");
    CHECK(image.needed() == std::vector<std::string>{"libone-1234.so", "libc.so.6"});
    CHECK(image.soname() == "libown.so.1");
    CHECK(image.imports("PyList_New"));
    CHECK_FALSE(image.imports("PyInit_own"));
    CHECK_FALSE(image.imports("PyList"));
    CHECK(image.exports("PyInit_"));
    CHECK(image.exports("PyInit_own"));
    CHECK_FALSE(image.exports("PyList_New"));
    CHECK(image.imports_python());
    const std::string here = folder.path().string();
    CHECK(image.folders_beside() == std::vector<std::string>{here + "/../pkg.libs", here});
  }
}

TEST_CASE("what a file does not say") {
  const TemporaryFolder folder;
  ElfFile{.symbols = {{"malloc"}, {"Python", true}}}.write(folder / "own.so");
  const ElfImage image(folder / "own.so");
  CHECK(image.needed().empty());
  CHECK(image.soname().empty());
  CHECK(image.folders_beside().empty());
  CHECK_FALSE(image.imports_python());
}

TEST_CASE("what is no shared object for this machine is refused, with the reason") {
  const TemporaryFolder folder;
  const std::string path = folder / "own.so";
  CHECK(refusal(path) == "cannot be read: No such file or directory");
  CHECK(refusal(folder.path().string()) == "is no regular file");
  write_file(path, "");
  CHECK(refusal(path) == "is no ELF file: too short");
  write_file(path, std::string(1000, 'x'));
  CHECK(refusal(path) == "is no ELF file");
  const std::string good = example().bytes();
  const auto with_header = [&](const std::function<void(ElfW(Ehdr)&)>& edit) {
    ElfW(Ehdr) header;
    std::memcpy(&header, good.data(), sizeof header);
    edit(header);
    std::string bytes = good;
    std::memcpy(bytes.data(), &header, sizeof header);
    write_file(path, bytes);
    return refusal(path);
  };
  CHECK(with_header([](ElfW(Ehdr)&) {}) == "nothing was thrown");
  CHECK(with_header([](ElfW(Ehdr) & header) { header.e_machine = EM_RISCV; }) ==
        "is for another kind of machine");
  CHECK(with_header([](ElfW(Ehdr) & header) { header.e_ident[EI_CLASS] = ELFCLASS32; }) ==
        "is for another kind of machine");
  CHECK(with_header([](ElfW(Ehdr) & header) { header.e_type = ET_EXEC; }) == "is no shared object");
  CHECK(with_header([](ElfW(Ehdr) & header) { header.e_phnum = 0; }) ==
        "is damaged: it has no dynamic symbols");
  CHECK(with_header([](ElfW(Ehdr) & header) { header.e_phoff = 1 << 20; }) ==
        "is damaged or truncated");
}

TEST_CASE("a truncated file is refused, wherever it ends") {
  const TemporaryFolder folder;
  const std::string good = example().bytes();
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    write_file(folder / "own.so", good.substr(0, size));
    CHECK_THROWS_AS(ElfImage(folder / "own.so"), ExtensionError);
  }
}

TEST_CASE("a damaged file is refused or read, whichever byte it is") {
  const TemporaryFolder folder;
  const std::string path = folder / "own.so";
  int refused = 0;
  for (const bool has_gnu_hash : {false, true}) {
    ElfFile file = example();
    file.has_gnu_hash = has_gnu_hash;
    const std::string good = file.bytes();
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const char value : {'\x00', '\xff'}) {
        std::string bytes = good;
        bytes[at] = value;
        write_file(path, bytes);
        refused += refusal(path) != "nothing was thrown";
      }
    }
  }
  CHECK(refused > 50);
}

TEST_CASE("edits stay in memory") {
  const TemporaryFolder folder;
  const std::string good = example().bytes();
  write_file(folder / "own.so", good);
  ElfImage image(folder / "own.so");
  image.rename_library("libone-1234.so", "libone-5678.so");
  image.drop_exit_handlers();
  CHECK(bytes_of(image) != good);
  CHECK(read_file(folder / "own.so") == good);
}

TEST_CASE("libraries get other names of the same length") {
  const TemporaryFolder folder;
  example().write(folder / "own.so");
  ElfImage image(folder / "own.so");
  image.rename_library("libone-1234.so", "libone-5678.so");
  image.rename_library("libown.so.1", "libown.so.2");
  CHECK(image.needed() == std::vector<std::string>{"libone-5678.so", "libc.so.6"});
  CHECK(image.soname() == "libown.so.2");
  CHECK_THROWS_AS(image.rename_library("libc.so.6", "libc-much-longer.so.6"), ExtensionError);
  // The end of another name.
  CHECK_THROWS_AS(image.rename_library("one-5678.so", "two-5678.so"), ExtensionError);
}

TEST_CASE("unique symbols become plain ones, but for those that are shared") {
  const TemporaryFolder folder;
  example().write(folder / "own.so");
  ElfImage image(folder / "own.so");
  image.separate_unique_symbols([](const char* name) { return std::string(name) == "unique_two"; });
  write_file(folder / "edited.so", bytes_of(image));
  ElfImage edited(folder / "edited.so");
  std::vector<std::string> left;
  edited.separate_unique_symbols([&left](const char* name) {
    left.emplace_back(name);
    return true;
  });
  CHECK(left == std::vector<std::string>{"unique_two"});
}

TEST_CASE("nothing runs at the end of the process") {
  const TemporaryFolder folder;
  example().write(folder / "own.so");
  ElfImage image(folder / "own.so");
  CHECK(image.imports("__cxa_atexit"));
  image.drop_exit_handlers();
  CHECK_FALSE(image.imports("__cxa_atexit"));
  CHECK(image.imports("sched_yield"));
  CHECK(image.imports("PyList_New"));

  SUBCASE("a name that is there already is used") {
    ElfFile file = example();
    file.symbols = {{"sched_yield"}, {"__cxa_atexit"}};
    file.write(folder / "other.so");
    ElfImage other(folder / "other.so");
    other.drop_exit_handlers();
    CHECK_FALSE(other.imports("__cxa_atexit"));
    CHECK(other.imports("sched_yield"));
  }
  SUBCASE("a name of which another one is a part is left alone") {
    ElfFile file = example();
    file.symbols = {{"__cxa_atexit"}, {"exit"}};
    file.write(folder / "other.so");
    ElfImage other(folder / "other.so");
    other.drop_exit_handlers();
    CHECK(other.imports("exit"));
    CHECK(other.imports("__cxa_atexit"));
  }
}

TEST_CASE("its own symbols come first") {
  const TemporaryFolder folder;
  example().write(folder / "own.so");
  ElfImage image(folder / "own.so");
  image.prefer_own_symbols();
  // DT_FLAGS is there: one bit changes.
  ElfFile wanted = example();
  wanted.entries[0].second |= DF_SYMBOLIC;
  CHECK(bytes_of(image) == wanted.bytes());

  ElfFile bare = example();
  bare.entries = {{DT_DEBUG, 0}};
  bare.write(folder / "bare.so");
  ElfImage other(folder / "bare.so");
  other.prefer_own_symbols();
  bare.entries = {{DT_SYMBOLIC, 0}};
  CHECK(bytes_of(other) == bare.bytes());
}
