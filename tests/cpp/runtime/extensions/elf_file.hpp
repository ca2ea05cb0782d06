// Shared objects that are written by tests, byte by byte, and the folders that they lie in.
#pragma once

#include <elf.h>
#include <link.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace libatoll::test {

/// Exists as long as this does.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "atoll-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

[[nodiscard]] inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A shared object with a dynamic section, names and symbols, and no code.
struct ElfFile {
  struct Symbol {
    std::string name;
    bool is_defined = false;
    unsigned char binding = STB_GLOBAL;
  };

  std::string soname;
  std::vector<std::string> needed;
  std::string runpath;
  std::vector<Symbol> symbols;
  std::vector<std::pair<ElfW(Sxword), ElfW(Xword)>> entries;  ///< further ones, such as DT_FLAGS
  bool has_gnu_hash = false;
  std::string text;  ///< anything else that lies in the file

  [[nodiscard]] std::string bytes() const {
    std::string strings(1, '\0');
    // As linkers do: a name that another one ends with is a part of that.
    const auto name = [&strings](const std::string& value) {
      const std::string whole = value + '\0';
      if (const std::size_t found = strings.find(whole); found != std::string::npos) return found;
      strings += whole;
      return strings.size() - whole.size();
    };
    std::vector<ElfW(Dyn)> dynamic;
    const auto entry = [&dynamic](ElfW(Sxword) tag, ElfW(Xword) value) {
      ElfW(Dyn) made{};
      made.d_tag = tag;
      made.d_un.d_val = value;
      dynamic.push_back(made);
    };
    for (const std::string& each : needed) entry(DT_NEEDED, name(each));
    if (!soname.empty()) entry(DT_SONAME, name(soname));
    if (!runpath.empty()) entry(DT_RUNPATH, name(runpath));
    for (const auto& [tag, value] : entries) entry(tag, value);
    std::vector<ElfW(Sym)> table(1);
    for (const Symbol& each : symbols) {
      ElfW(Sym) made{};
      made.st_name = static_cast<ElfW(Word)>(name(each.name));
      made.st_info = ELF64_ST_INFO(each.binding, STT_FUNC);
      made.st_shndx = each.is_defined ? 1 : SHN_UNDEF;
      table.push_back(made);
    }
    const std::vector<std::uint32_t> hash = has_gnu_hash ? gnu_hash() : plain_hash();

    ElfW(Ehdr) header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
#if defined(__aarch64__)
    header.e_machine = EM_AARCH64;
#else
    header.e_machine = EM_X86_64;
#endif
    header.e_type = ET_DYN;
    header.e_phoff = sizeof header;
    header.e_phnum = 2;
    ElfW(Phdr) segments[2] = {};
    constexpr std::size_t tables = 5;  // entries that follow, with the one that ends them
    const std::size_t dynamic_at = sizeof header + sizeof segments;
    const std::size_t symbols_at = dynamic_at + (dynamic.size() + tables) * sizeof(ElfW(Dyn));
    const std::size_t hash_at = symbols_at + table.size() * sizeof(ElfW(Sym));
    const std::size_t strings_at = hash_at + hash.size() * sizeof(std::uint32_t);
    entry(DT_SYMTAB, symbols_at);
    entry(has_gnu_hash ? DT_GNU_HASH : DT_HASH, hash_at);
    entry(DT_STRTAB, strings_at);
    entry(DT_STRSZ, strings.size());
    entry(DT_NULL, 0);
    segments[0].p_type = PT_LOAD;
    segments[0].p_filesz = segments[0].p_memsz = strings_at + strings.size();
    segments[1].p_type = PT_DYNAMIC;
    segments[1].p_offset = segments[1].p_vaddr = dynamic_at;
    segments[1].p_filesz = dynamic.size() * sizeof(ElfW(Dyn));

    std::string out;
    const auto append = [&out](const void* data, std::size_t size) {
      out.append(static_cast<const char*>(data), size);
    };
    append(&header, sizeof header);
    append(segments, sizeof segments);
    append(dynamic.data(), dynamic.size() * sizeof(ElfW(Dyn)));
    append(table.data(), table.size() * sizeof(ElfW(Sym)));
    append(hash.data(), hash.size() * sizeof(std::uint32_t));
    return out + strings + text;
  }

  void write(const std::string& path) const {
    write_file(path, bytes());
  }

 private:
  [[nodiscard]] std::vector<std::uint32_t> plain_hash() const {
    std::vector<std::uint32_t> out{1, static_cast<std::uint32_t>(symbols.size() + 1), 0};
    out.resize(3 + symbols.size() + 1);
    return out;
  }
  /// One bucket, whose chain ends with the last symbol.
  [[nodiscard]] std::vector<std::uint32_t> gnu_hash() const {
    std::vector<std::uint32_t> out{1, 1, 1, 0, 0, 0, symbols.empty() ? 0u : 1u};
    for (std::size_t i = 0; i < symbols.size(); ++i) out.push_back(i + 1 == symbols.size());
    return out;
  }
};

}  // namespace libatoll::test
