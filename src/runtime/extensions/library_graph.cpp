#include "runtime/extensions/library_graph.hpp"

#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace libatoll::runtime::extensions {

namespace {

/// Libraries with a state that threads may not share, and no Python in them: what keeps two
/// interpreters apart in one process by the GIL, and here does not.
constexpr std::string_view not_for_threads[] = {"libhdf5", "libnetcdf", "libmupdf"};

bool is_for_one_thread(std::string_view name) {
  return std::ranges::any_of(not_for_threads,
                             [&](std::string_view each) { return name.starts_with(each); });
}

}  // namespace

LibraryGraph::LibraryGraph(const ElfImage& module) : roots_(visit(module, {})) {
  settle();
}

/// `folders`: where those that need the file look for libraries. An RPATH holds for what a library
/// needs in its turn as well.
std::vector<const LibraryGraph::Library*> LibraryGraph::visit(
    const ElfImage& image, const std::vector<std::string>& folders) {
  std::vector<std::string> all = image.folders_beside();
  all.insert(all.end(), folders.begin(), folders.end());
  std::vector<const Library*> out;
  for (const std::string& name : image.needed()) {
    for (const std::string& folder : all) {
      std::string path = folder;
      path.append("/").append(name);
      if (access(path.c_str(), F_OK) != 0) continue;
      const auto [place, is_new] = libraries_.try_emplace(path);
      Library& library = place->second;
      out.push_back(&library);
      if (is_new) {
        library.path = path;
        library.name = name;
        const ElfImage file(path);
        library.is_private = file.imports_python() || is_for_one_thread(name);
        library.needs = visit(file, all);
      }
      break;
    }
  }
  return out;
}

/// A private library may keep what its users have told it, such as functions to call, in those that
/// it needs: these are private, too. And what needs a private library must be so, to find it.
void LibraryGraph::settle() {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& [path, library] : libraries_) {
      for (const Library* const other : library.needs) {
        if (library.is_private == other->is_private) continue;
        library.is_private = libraries_.at(other->path).is_private = changed = true;
      }
    }
  }
}

}  // namespace libatoll::runtime::extensions
