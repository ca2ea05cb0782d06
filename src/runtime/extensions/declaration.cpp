#include "runtime/extensions/declaration.hpp"

#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

#include "runtime/extensions/elf_image.hpp"
#include "runtime/extensions/error.hpp"
#include "runtime/extensions/file_identity.hpp"

namespace libatoll::runtime::extensions {

namespace {

class Declarations {
 public:
  [[nodiscard]] static Declarations& instance() noexcept {
    static Declarations* const known = new Declarations;
    return *known;
  }

  [[nodiscard]] std::optional<Declaration> find(const FileIdentity& identity) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(identity);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }

  void set(const FileIdentity& identity, Declaration declaration) {
    const std::lock_guard lock(mutex_);
    known_[identity] = declaration;
  }

 private:
  std::mutex mutex_;
  std::map<FileIdentity, Declaration> known_;
};

/// NumPy's C API hands out its functions and types in a capsule, and its headers put that into a
/// static. Each interpreter has a NumPy of its own, so whatever the module declares, it is for one.
bool uses_numpy(const ElfImage& image) {
  constexpr std::string_view capsule = "_ARRAY_API";
  return memmem(image.bytes().data(), image.bytes().size(), capsule.data(), capsule.size());
}

}  // namespace

std::string init_suffix(PyObject* full_name) {
  const Py_ssize_t length = PyUnicode_GetLength(full_name);
  const Py_ssize_t dot = PyUnicode_FindChar(full_name, '.', 0, length, -1);
  const py::Ref name = py::Ref::steal(PyUnicode_Substring(full_name, dot + 1, length));
  if (!name) return {};
  const bool is_ascii = PyUnicode_IS_ASCII(name.get()) != 0;
  const py::Ref bytes = py::Ref::steal(
      PyUnicode_AsEncodedString(name.get(), is_ascii ? "ascii" : "punycode", nullptr));
  if (!bytes) return {};
  std::string out = PyBytes_AS_STRING(bytes.get());
  for (char& c : out) {
    if (c == '-') c = '_';
  }
  return (is_ascii ? "_" : "U_") + out;
}

bool is_interpreters_slot(int slot) noexcept {
  // 3.15 numbers its slots anew, and takes the former numbers as well.
  constexpr int until_3_14 = 3;
  constexpr int since_3_15 = 86;
  return slot == until_3_14 || slot == since_3_15;
}

Declaration declaration_of(const PyModuleDef_Slot* slots) noexcept {
  for (const auto* slot = slots; slot && slot->slot; ++slot) {
    if (is_interpreters_slot(slot->slot) && slot->value == Py_MOD_PER_INTERPRETER_GIL_SUPPORTED) {
      return Declaration::isolated;
    }
  }
  return Declaration::other;
}

std::vector<PyModuleDef_Slot> without_declaration(const PyModuleDef_Slot* slots) {
  std::vector<PyModuleDef_Slot> kept;
  for (const auto* slot = slots; slot && slot->slot; ++slot) {
    if (!is_interpreters_slot(slot->slot)) kept.push_back(*slot);
  }
  return kept;
}

Declaration declaration_of(const std::string& path) {
  if (const auto identity = identity_of(path)) {
    if (const auto known = Declarations::instance().find(*identity)) return *known;
  }
  try {
    const ElfImage image(path);
    const bool has_slots = image.imports("PyModuleDef_Init") || image.exports("PyModExport_");
    const bool may_declare = has_slots && !uses_numpy(image);
    const Declaration found = may_declare ? Declaration::unknown : Declaration::other;
    Declarations::instance().set(identity_of(image.status()), found);
    return found;
  } catch (const ExtensionError&) {
    return Declaration::isolated;
  }
}

void set_declaration(const std::string& path, Declaration declaration) {
  if (const auto identity = identity_of(path)) {
    Declarations::instance().set(*identity, declaration);
  }
}

}  // namespace libatoll::runtime::extensions
