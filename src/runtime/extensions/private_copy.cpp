#include "runtime/extensions/private_copy.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "runtime/extensions/copy_store.hpp"
#include "runtime/extensions/elf_image.hpp"
#include "runtime/extensions/error.hpp"
#include "runtime/extensions/file_identity.hpp"
#include "runtime/extensions/interpose.hpp"

namespace libatoll::runtime::extensions {

namespace {

std::string linker_error() {
  const char* const text = dlerror();
  return text ? text : "no reason given";
}

/// Loads the libraries that lie beside the file, by their own paths. The dynamic linker then takes
/// them for what the copy needs, because it knows loaded libraries by name.
std::vector<void*> open_libraries(const ElfImage& image) {
  std::vector<void*> out;
  for (const std::string& name : image.needed()) {
    for (const std::string& folder : image.folders_beside()) {
      const std::string path = folder + '/' + name;
      if (access(path.c_str(), F_OK) != 0) continue;
      void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (!library)
        throw ExtensionError("needs a library that cannot be loaded: " + linker_error());
      out.push_back(library);
      break;
    }
  }
  return out;
}

class Copies {
 public:
  [[nodiscard]] static Copies& instance() noexcept {
    static Copies* const copies = new Copies;
    return *copies;
  }

  void* open(const std::string& path, Interpreter& owner) {
    ElfImage image(path);
    const FileIdentity identity = identity_of(image.status());
    std::size_t place = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto found = loaded_.find({identity, owner.id()});
      if (found != loaded_.end()) return found->second;
      place = places_[identity]++;
    }
    const std::vector<void*> libraries = open_libraries(image);
    image.separate_unique_symbols([&](const char* name) {
      return dlsym(RTLD_DEFAULT, name) ||
             std::any_of(libraries.begin(), libraries.end(),
                         [name](void* library) { return dlsym(library, name) != nullptr; });
    });
    std::string copy = store_copy(image, path, place);
    void* library = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw ExtensionError("cannot be loaded: " + linker_error());
    interpose(library, owner);
    const std::lock_guard lock(mutex_);
    return loaded_.emplace(std::pair(identity, owner.id()), library).first->second;
  }

 private:
  std::mutex mutex_;  // never held while files are read or libraries loaded
  std::map<FileIdentity, std::size_t> places_;
  std::map<std::pair<FileIdentity, std::int64_t>, void*> loaded_;
};

}  // namespace

void* open_private_copy(const std::string& path, Interpreter& owner) {
  return Copies::instance().open(path, owner);
}

}  // namespace libatoll::runtime::extensions
