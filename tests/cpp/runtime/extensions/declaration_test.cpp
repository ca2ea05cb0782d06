// What is known of an extension module before it runs.
#include "runtime/extensions/declaration.hpp"

#include <doctest/doctest.h>

#include <string>

#include "elf_file.hpp"

using namespace libatoll::runtime::extensions;
using namespace libatoll::test;
using libatoll::py::Ref;

namespace {

std::string suffix(const char* name) {
  const Ref text = Ref::steal(PyUnicode_FromString(name));
  return init_suffix(text.get());
}

constexpr int exec_slot = Py_mod_exec;
constexpr int interpreters_slot = Py_mod_multiple_interpreters;
int dummy = 0;

Declaration declared_in(const ElfFile& file) {
  const TemporaryFolder folder;
  file.write(folder / "own.so");
  return declaration_of(folder / "own.so");
}

}  // namespace

TEST_CASE("the name of the function that makes a module") {
  CHECK(suffix("own") == "_own");
  CHECK(suffix("package.sub.own") == "_own");
  CHECK(suffix("package.schön") == "U_schn_7qa");
}

TEST_CASE("what the slots of a definition say") {
  CHECK(declaration_of(static_cast<const PyModuleDef_Slot*>(nullptr)) == Declaration::other);
  const PyModuleDef_Slot none[] = {{exec_slot, &dummy}, {0, nullptr}};
  CHECK(declaration_of(none) == Declaration::other);
  const PyModuleDef_Slot isolated[] = {
      {exec_slot, &dummy}, {interpreters_slot, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, {0, nullptr}};
  CHECK(declaration_of(isolated) == Declaration::isolated);
  for (void* const value :
       {Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}) {
    const PyModuleDef_Slot slots[] = {{interpreters_slot, value}, {0, nullptr}};
    CHECK(declaration_of(slots) == Declaration::other);
  }
  const auto kept = without_declaration(isolated);
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].slot == exec_slot);
  CHECK(kept[0].value == &dummy);
}

TEST_CASE("what a file says without being run") {
  CHECK(declared_in({.symbols = {{"PyModule_Create2"}, {"PyInit_own", true}}}) ==
        Declaration::other);
  CHECK(declared_in({.symbols = {{"PyModuleDef_Init"}, {"PyInit_own", true}}}) ==
        Declaration::unknown);
  CHECK(declared_in({.symbols = {{"PyModExport_own", true}}}) == Declaration::unknown);
  CHECK(declared_in({.symbols = {{"PyModuleDef_Init"}}, .text = "_ARRAY_API"}) ==
        Declaration::other);
}

TEST_CASE("what cannot be read is CPython's business") {
  const TemporaryFolder folder;
  CHECK(declaration_of(folder / "missing.so") == Declaration::isolated);
  write_file(folder / "text.so", "no library");
  CHECK(declaration_of(folder / "text.so") == Declaration::isolated);
}

TEST_CASE("what was learned of a file holds until it is replaced") {
  const TemporaryFolder folder;
  const std::string path = folder / "own.so";
  ElfFile{.symbols = {{"PyModuleDef_Init"}}}.write(path);
  CHECK(declaration_of(path) == Declaration::unknown);
  set_declaration(path, Declaration::isolated);
  CHECK(declaration_of(path) == Declaration::isolated);
  ElfFile{.symbols = {{"PyModuleDef_Init"}, {"more"}}}.write(path);
  CHECK(declaration_of(path) == Declaration::unknown);
  set_declaration(folder / "missing.so", Declaration::other);  // nothing happens
  CHECK(declaration_of(folder / "missing.so") == Declaration::isolated);
}
