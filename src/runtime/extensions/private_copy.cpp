#include "runtime/extensions/private_copy.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "runtime/extensions/copy_store.hpp"
#include "runtime/extensions/elf_image.hpp"
#include "runtime/extensions/error.hpp"
#include "runtime/extensions/file_identity.hpp"
#include "runtime/extensions/interpose.hpp"
#include "runtime/extensions/library_graph.hpp"

namespace libatoll::runtime::extensions {

namespace {

std::string linker_error() {
  const char* const text = dlerror();
  return text ? text : "no reason given";
}

using Library = LibraryGraph::Library;

/// Loads a library by its own path, as all interpreters use it, and first what it needs. Libraries
/// may need each other (FreeType and HarfBuzz do): `met` are those that it is about to load.
void* open_shared(const Library& library, std::set<const Library*>& met) {
  for (const Library* const each : library.needs) {
    if (met.insert(each).second) (void)open_shared(*each, met);
  }
  void* const handle = dlopen(library.path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) throw ExtensionError("needs a library that cannot be loaded: " + linker_error());
  return handle;
}

/// Another name of the same length for the copy of a library: the dynamic linker takes libraries of
/// one name for one. The same for the same file and place, so that copies can be used again.
std::string private_name(const std::string& name, const std::string& path,
                         const FileIdentity& identity, std::size_t place) {
  constexpr std::string_view digits =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const std::string key = path + '\0' + std::to_string(std::get<1>(identity)) + '\0' +
                          std::to_string(std::get<3>(identity)) + '\0' + std::to_string(place);
  std::uint64_t state = fnv1a(key);
  std::string out = name;
  for (char& c : out) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    c = digits[(state >> 33) % digits.size()];
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
    // One at a time for each interpreter: several of its modules may need the same library.
    std::shared_ptr<std::mutex> turn;
    {
      const std::lock_guard lock(mutex_);
      auto& known = turns_[owner.id()];
      if (!known) known = std::make_shared<std::mutex>();
      turn = known;
    }
    const std::lock_guard in_turn(*turn);
    if (const Copy* const known = find(path, owner)) return known->library;
    ElfImage image(path);
    const LibraryGraph graph(image);
    std::set<const Library*> loading;
    return load(image, path, {}, graph.roots(), loading, owner).library;
  }

 private:
  struct Copy {
    void* library;
    std::string name;  ///< of a library: what it is called now
  };

  [[nodiscard]] const Copy* find(const std::string& path, const Interpreter& owner) {
    const auto identity = identity_of(path);
    if (!identity) return nullptr;
    const std::lock_guard lock(mutex_);
    const auto found = loaded_.find({*identity, owner.id()});
    return found == loaded_.end() ? nullptr : &found->second;  // stays where it is
  }

  /// `name`: of a library, how it is needed; empty for a module.
  const Copy& load(ElfImage& image, const std::string& path, const std::string& name,
                   const std::vector<const Library*>& needs, std::set<const Library*>& loading,
                   Interpreter& owner) {
    const FileIdentity identity = identity_of(image.status());
    std::size_t place = 0;
    {
      const std::lock_guard lock(mutex_);
      place = places_[identity]++;
    }
    // What it needs comes first: the dynamic linker takes loaded libraries, which it knows by name,
    // for what the copy needs.
    std::vector<void*> shared;
    for (const Library* const library : needs) {
      if (library->is_private) {
        image.rename_library(library->name, load_library(*library, loading, owner).name);
      } else {
        std::set<const Library*> met{library};
        shared.push_back(open_shared(*library, met));
      }
    }
    Copy copy{nullptr, {}};
    if (!name.empty()) {
      copy.name = private_name(name, path, identity, place);
      const std::string soname = image.soname();
      if (soname.size() != name.size()) {
        throw ExtensionError("needs the library " + path + ", which calls itself " + soname);
      }
      image.rename_library(soname, copy.name);
    }
    image.separate_unique_symbols([&](const char* symbol) {
      return dlsym(RTLD_DEFAULT, symbol) ||
             std::any_of(shared.begin(), shared.end(),
                         [symbol](void* library) { return dlsym(library, symbol) != nullptr; });
    });
    image.drop_exit_handlers();
    image.prefer_own_symbols();
    copy.library = dlopen(store_copy(image, path, place).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!copy.library) throw ExtensionError("cannot be loaded: " + linker_error());
    interpose(copy.library, owner);
    share_pages(copy.library, image.descriptor());
    const std::lock_guard lock(mutex_);
    return loaded_.emplace(std::pair(identity, owner.id()), std::move(copy)).first->second;
  }

  const Copy& load_library(const Library& library, std::set<const Library*>& loading,
                           Interpreter& owner) {
    if (const Copy* const known = find(library.path, owner)) return *known;
    if (!loading.insert(&library).second) {
      throw ExtensionError("needs libraries that use Python and need each other: " + library.path);
    }
    ElfImage image(library.path);
    return load(image, library.path, library.name, library.needs, loading, owner);
  }

  std::mutex mutex_;  // never held while files are read or libraries loaded
  std::map<std::int64_t, std::shared_ptr<std::mutex>> turns_;
  std::map<FileIdentity, std::size_t> places_;
  std::map<std::pair<FileIdentity, std::int64_t>, Copy> loaded_;
};

}  // namespace

void* open_private_copy(const std::string& path, Interpreter& owner) {
  return Copies::instance().open(path, owner);
}

}  // namespace libatoll::runtime::extensions
