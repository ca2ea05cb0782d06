// What the documentation quotes stands in files that are compiled and run.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "atoll/version.hpp"

namespace {

const std::filesystem::path root = ATOLL_PROJECT_DIR;

std::string content(const std::filesystem::path& path) {
  std::ifstream file(root / path);
  CAPTURE(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The lines between the two lines "// [name]".
std::string section(const std::string& text, const std::string& name) {
  const std::string mark = "// [" + name + "]\n";
  const std::size_t begin = text.find(mark);
  REQUIRE(begin != text.npos);
  const std::size_t start = begin + mark.size();
  const std::size_t end = text.find(mark, start);
  REQUIRE(end != text.npos);
  return text.substr(start, text.rfind('\n', end) + 1 - start);
}

}  // namespace

TEST_CASE("docs/cpp.md quotes the examples") {
  const std::string page = content("docs/cpp.md");
  const std::regex quote("<!-- (\\S+) \\[(\\w+)\\] -->\n```cpp\n([^`]*)```");
  int quotes = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), quote), end; it != end; ++it, ++quotes) {
    CAPTURE((*it)[2].str());
    CHECK((*it)[3].str() == section(content((*it)[1].str()), (*it)[2]));
  }
  CHECK(quotes == 15);
}

TEST_CASE("the header's version is that of the project") {
  const std::string expected = "project(atoll VERSION " + std::string(libatoll::version()) + " ";
  CHECK(content("CMakeLists.txt").find(expected) != std::string::npos);
}
