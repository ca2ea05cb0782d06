// Which libraries of a wheel each interpreter needs for itself.
#include "runtime/extensions/library_graph.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "elf_file.hpp"
#include "runtime/extensions/error.hpp"

using namespace libatoll::runtime::extensions;
using namespace libatoll::test;

namespace {

/// A module and the libraries of its wheel.
struct Wheel {
  TemporaryFolder folder;

  void library(const std::string& name, std::vector<std::string> needed, bool uses_python = false,
               const std::string& runpath = "$ORIGIN") const {
    ElfFile{.soname = name,
            .needed = std::move(needed),
            .runpath = runpath,
            .symbols = {{uses_python ? "PyList_New" : "malloc"}}}
        .write(folder / ("pkg.libs/" + name));
  }
  [[nodiscard]] ElfImage module(std::vector<std::string> needed) const {
    ElfFile{
        .needed = std::move(needed), .runpath = "$ORIGIN/../pkg.libs", .symbols = {{"PyList_New"}}}
        .write(folder / "pkg/own.so");
    return ElfImage(folder / "pkg/own.so");
  }
};

/// Whether they are private, by name; all that can be reached.
void collect(const std::vector<const LibraryGraph::Library*>& from,
             std::map<std::string, bool>& out) {
  for (const auto* const each : from) {
    if (out.emplace(each->name, each->is_private).second) collect(each->needs, out);
  }
}

std::map<std::string, bool> privacy(const ElfImage& module) {
  std::map<std::string, bool> out;
  const LibraryGraph graph(module);
  collect(graph.roots(), out);
  return out;
}

using Privacy = std::map<std::string, bool>;

}  // namespace

TEST_CASE("libraries of the system are no part of it") {
  const Wheel wheel;
  wheel.library("libown.so", {"libc.so.6"});
  CHECK(privacy(wheel.module({"libown.so", "libm.so.6"})) == Privacy{{"libown.so", false}});
  CHECK(privacy(wheel.module({"libm.so.6"})).empty());
}

TEST_CASE("where they lie, in order") {
  const Wheel wheel;
  wheel.library("liba.so", {});
  wheel.library("libb.so", {});
  const ElfImage module = wheel.module({"libb.so", "liba.so"});
  const LibraryGraph graph(module);
  REQUIRE(graph.roots().size() == 2);
  CHECK(graph.roots()[0]->name == "libb.so");
  CHECK(graph.roots()[1]->path == wheel.folder / "pkg/../pkg.libs/liba.so");
}

TEST_CASE("what uses Python is private, with all that it needs and that needs it") {
  const Wheel wheel;
  wheel.library("libtop.so", {"libpython-user.so"});
  wheel.library("libpython-user.so", {"libbelow.so"}, true);
  wheel.library("libbelow.so", {"libdeep.so"});
  wheel.library("libdeep.so", {});
  wheel.library("libapart.so", {});
  CHECK(privacy(wheel.module({"libtop.so", "libapart.so"})) == Privacy{{"libtop.so", true},
                                                                       {"libpython-user.so", true},
                                                                       {"libbelow.so", true},
                                                                       {"libdeep.so", true},
                                                                       {"libapart.so", false}});
}

TEST_CASE("libraries that threads may not share are private") {
  const Wheel wheel;
  wheel.library("libhdf5-12ab.so.200", {"libz-1.so"});
  wheel.library("libz-1.so", {});
  wheel.library("libsz.so", {});
  CHECK(privacy(wheel.module({"libhdf5-12ab.so.200", "libsz.so"})) ==
        Privacy{{"libhdf5-12ab.so.200", true}, {"libz-1.so", true}, {"libsz.so", false}});
}

TEST_CASE("libraries that need each other") {
  const Wheel wheel;
  wheel.library("liba.so", {"libb.so"});
  wheel.library("libb.so", {"liba.so"});
  CHECK(privacy(wheel.module({"liba.so"})) == Privacy{{"liba.so", false}, {"libb.so", false}});
  wheel.library("libb.so", {"liba.so"}, true);
  CHECK(privacy(wheel.module({"liba.so"})) == Privacy{{"liba.so", true}, {"libb.so", true}});
}

TEST_CASE("a library without a path of its own is found by that of who needs it") {
  const Wheel wheel;
  wheel.library("liba.so", {"libb.so"}, false, "");
  wheel.library("libb.so", {}, true, "");
  CHECK(privacy(wheel.module({"liba.so"})) == Privacy{{"liba.so", true}, {"libb.so", true}});
}

TEST_CASE("a library that cannot be read") {
  const Wheel wheel;
  write_file(wheel.folder / "pkg.libs/liba.so", "no library");
  const ElfImage module = wheel.module({"liba.so"});
  CHECK_THROWS_AS(LibraryGraph{module}, ExtensionError);
}
