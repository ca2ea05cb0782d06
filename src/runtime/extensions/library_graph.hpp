// The shared libraries that lie beside an extension module in its wheel, and which of them each
// interpreter needs for itself.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/extensions/elf_image.hpp"

namespace libatoll::runtime::extensions {

class LibraryGraph {
 public:
  struct Library {
    std::string path;
    std::vector<const Library*> needs;  ///< those of the wheel
    std::string name;                   ///< as it is needed
    bool is_private = false;
  };

  /// Of the module's file. Throws ExtensionError if a library cannot be read.
  explicit LibraryGraph(const ElfImage& module);
  LibraryGraph(const LibraryGraph&) = delete;
  LibraryGraph& operator=(const LibraryGraph&) = delete;

  /// What the module itself needs, in order.
  [[nodiscard]] const std::vector<const Library*>& roots() const noexcept { return roots_; }

 private:
  std::vector<const Library*> visit(const ElfImage& image, const std::vector<std::string>& folders);
  void settle();

  std::map<std::string, Library> libraries_;  // by path; references to nodes stay valid
  std::vector<const Library*> roots_;
};

}  // namespace libatoll::runtime::extensions
