#include "runtime/extensions/elf_image.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "runtime/extensions/error.hpp"
#include "runtime/extensions/file_descriptor.hpp"

namespace libatoll::runtime::extensions {

namespace {

#if defined(__x86_64__)
constexpr ElfW(Half) this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr ElfW(Half) this_machine = EM_AARCH64;
#else
constexpr ElfW(Half) this_machine = EM_NONE;
#endif

}  // namespace

ElfImage::ElfImage(const std::string& path)
    : path_(path), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_ || fstat(file_.get(), &status_) != 0) {
    throw ExtensionError(std::string("cannot be read: ") + std::strerror(errno));
  }
  if (!S_ISREG(status_.st_mode)) throw ExtensionError("is no regular file");
  size_ = static_cast<std::size_t>(status_.st_size);
  if (size_ < sizeof(ElfW(Ehdr))) throw ExtensionError("is no ELF file: too short");
  void* const memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_.get(), 0);
  if (memory == MAP_FAILED) {
    throw ExtensionError(std::string("cannot be mapped: ") + std::strerror(errno));
  }
  data_ = static_cast<std::byte*>(memory);
  try {
    read();
  } catch (...) {
    munmap(data_, size_);
    throw;
  }
}

ElfImage::~ElfImage() {
  munmap(data_, size_);
}

template <class T>
T* ElfImage::at(std::size_t offset, std::size_t count) const {
  if (offset > size_ || count > (size_ - offset) / sizeof(T) || offset % alignof(T) != 0) {
    throw ExtensionError("is damaged or truncated");
  }
  return reinterpret_cast<T*>(data_ + offset);
}

std::size_t ElfImage::offset_of(ElfW(Addr) address) const {
  for (const auto& segment : segments_) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address - segment.p_vaddr < segment.p_filesz) {
      return segment.p_offset + (address - segment.p_vaddr);
    }
  }
  throw ExtensionError("is damaged: an address outside of its segments");
}

void ElfImage::read() {
  const auto* const header = at<ElfW(Ehdr)>(0);
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) throw ExtensionError("is no ELF file");
  if (header->e_ident[EI_CLASS] != (sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32) ||
      header->e_machine != this_machine) {
    throw ExtensionError("is for another kind of machine");
  }
  if (header->e_type != ET_DYN) throw ExtensionError("is no shared object");
  segments_ = {at<ElfW(Phdr)>(header->e_phoff, header->e_phnum), header->e_phnum};
  for (const auto& segment : segments_) {
    if (segment.p_type == PT_LOAD) (void)at<std::byte>(segment.p_offset, segment.p_filesz);
    if (segment.p_type == PT_DYNAMIC) {
      const std::size_t count = segment.p_filesz / sizeof(ElfW(Dyn));
      dynamic_ = {at<ElfW(Dyn)>(segment.p_offset, count), count};
    }
  }
  const auto end = std::find_if(dynamic_.begin(), dynamic_.end(),
                                [](const ElfW(Dyn) & entry) { return entry.d_tag == DT_NULL; });
  dynamic_ = dynamic_.first(static_cast<std::size_t>(end - dynamic_.begin()));
  std::size_t hash = 0, gnu_hash = 0;
  for (const auto& entry : dynamic_) {
    switch (entry.d_tag) {
      case DT_STRTAB:
        strings_offset_ = offset_of(entry.d_un.d_ptr);
        break;
      case DT_STRSZ:
        strings_size_ = entry.d_un.d_val;
        break;
      case DT_SYMTAB:
        symbols_offset_ = offset_of(entry.d_un.d_ptr);
        break;
      case DT_HASH:
        hash = offset_of(entry.d_un.d_ptr);
        break;
      case DT_GNU_HASH:
        gnu_hash = offset_of(entry.d_un.d_ptr);
        break;
      default:
        break;
    }
  }
  if (!strings_offset_ || !strings_size_ || !symbols_offset_) {
    throw ExtensionError("is damaged: it has no dynamic symbols");
  }
  (void)at<char>(strings_offset_, strings_size_);
  // The last string ends inside, hence all of them do.
  if (*at<char>(strings_offset_ + strings_size_ - 1) != '\0') throw ExtensionError("is damaged");
  if (hash) {
    symbol_count_ = at<std::uint32_t>(hash, 2)[1];
  } else if (gnu_hash) {
    symbol_count_ = count_symbols(gnu_hash);
  }
  (void)at<ElfW(Sym)>(symbols_offset_, symbol_count_);
}

/// The table has no count: its last chain ends with the last symbol.
std::size_t ElfImage::count_symbols(std::size_t gnu_hash) const {
  const auto* const head = at<std::uint32_t>(gnu_hash, 4);
  const std::size_t buckets = head[0], first = head[1], filter = head[2];
  const std::size_t buckets_at = gnu_hash + 16 + filter * sizeof(ElfW(Addr));
  const auto* const bucket = at<std::uint32_t>(buckets_at, buckets);
  std::size_t last = 0;
  for (std::size_t i = 0; i < buckets; ++i) last = std::max<std::size_t>(last, bucket[i]);
  if (last < first) return first;
  const std::size_t chains_at = buckets_at + buckets * sizeof(std::uint32_t);
  while ((*at<std::uint32_t>(chains_at + (last - first) * sizeof(std::uint32_t)) & 1) == 0) ++last;
  return last + 1;
}

const char* ElfImage::text(std::size_t index) const {
  if (index >= strings_size_) throw ExtensionError("is damaged: a name outside of its strings");
  return reinterpret_cast<const char*>(data_ + strings_offset_ + index);
}

std::vector<std::string> ElfImage::strings(ElfW(Sxword) tag) const {
  std::vector<std::string> out;
  for (const auto& entry : dynamic_) {
    if (entry.d_tag == tag) out.emplace_back(text(entry.d_un.d_val));
  }
  return out;
}

std::span<ElfW(Sym)> ElfImage::symbols() const {
  return {at<ElfW(Sym)>(symbols_offset_, symbol_count_), symbol_count_};
}

std::string ElfImage::soname() const {
  const auto names = strings(DT_SONAME);
  return names.empty() ? std::string() : names.front();
}

bool ElfImage::imports(std::string_view symbol) const {
  return std::ranges::any_of(symbols(), [&](const ElfW(Sym) & each) {
    return each.st_shndx == SHN_UNDEF && symbol == text(each.st_name);
  });
}

bool ElfImage::exports(std::string_view prefix) const {
  return std::ranges::any_of(symbols(), [&](const ElfW(Sym) & each) {
    return each.st_shndx != SHN_UNDEF && std::string_view(text(each.st_name)).starts_with(prefix);
  });
}

bool ElfImage::imports_python() const {
  return std::ranges::any_of(symbols(), [&](const ElfW(Sym) & each) {
    const std::string_view name = text(each.st_name);
    return each.st_shndx == SHN_UNDEF && (name.starts_with("Py") || name.starts_with("_Py"));
  });
}

void ElfImage::rename_library(const std::string& from, const std::string& to) {
  if (from.size() != to.size()) throw ExtensionError("cannot give a library a longer name");
  // The names of libraries, and of those whose versions of symbols are needed, stand there once or
  // several times, each a text of its own.
  auto* const strings = at<char>(strings_offset_, strings_size_);
  const std::string_view all(strings, strings_size_);
  const std::string whole = from + '\0';
  for (std::size_t found = all.find(whole); found != std::string_view::npos;
       found = all.find(whole, found + 1)) {
    if (found > 0 && strings[found - 1] != '\0') {
      throw ExtensionError("needs the library " + from + ", whose name cannot be changed");
    }
    std::ranges::copy(to, strings + found);
  }
}

void ElfImage::drop_exit_handlers() {
  // Constructors register them while the file is loaded, before anybody could replace the function.
  // A function of the same library and version that takes no arguments and returns 0 stands in.
  redirect("__cxa_atexit", "sched_yield");
  for (auto& entry : dynamic_) {
    if (entry.d_tag == DT_FINI_ARRAYSZ) entry.d_un.d_val = 0;
    // Means nothing in a library.
    if (entry.d_tag == DT_FINI) entry.d_tag = DT_DEBUG;
  }
}

void ElfImage::prefer_own_symbols() {
  for (auto& entry : dynamic_) {
    if (entry.d_tag == DT_FLAGS) {
      entry.d_un.d_val |= DF_SYMBOLIC;
      return;
    }
  }
  for (auto& entry : dynamic_) {
    if (entry.d_tag == DT_DEBUG) {
      entry.d_tag = DT_SYMBOLIC;
      return;
    }
  }
}

void ElfImage::redirect(std::string_view from, std::string_view to) {
  const auto all = symbols();
  const auto symbol = std::ranges::find_if(all, [&](const ElfW(Sym) & each) {
    return each.st_shndx == SHN_UNDEF && from == text(each.st_name);
  });
  if (symbol == all.end()) return;
  char* const strings = at<char>(strings_offset_, strings_size_);
  const std::string whole = std::string(to) + '\0';
  if (const std::size_t found = std::string_view(strings, strings_size_).find(whole);
      found != std::string_view::npos) {
    symbol->st_name = static_cast<ElfW(Word)>(found);
    return;
  }
  // In its place, unless other names end with a part of it, such as `exit`.
  const std::size_t begin = symbol->st_name;
  const bool is_shared = std::ranges::any_of(all, [&](const ElfW(Sym) & each) {
    return &each != &*symbol && each.st_name >= begin && each.st_name < begin + from.size();
  });
  if (!is_shared && to.size() <= from.size()) std::ranges::copy(whole, strings + begin);
}

std::vector<std::string> ElfImage::folders_beside() const {
  auto lists = strings(DT_RUNPATH);
  if (lists.empty()) lists = strings(DT_RPATH);
  const std::string origin = std::filesystem::path(path_).parent_path().string();
  std::vector<std::string> out;
  for (const std::string& list : lists) {
    for (std::size_t begin = 0; begin <= list.size();) {
      const std::size_t end = std::min(list.find(':', begin), list.size());
      const std::string folder = list.substr(begin, end - begin);
      for (const std::string_view token : {"$ORIGIN", "${ORIGIN}"}) {
        if (folder.starts_with(token)) out.push_back(origin + folder.substr(token.size()));
      }
      begin = end + 1;
    }
  }
  return out;
}

void ElfImage::separate_unique_symbols(const std::function<bool(const char*)>& is_shared) {
  for (auto& symbol : symbols()) {
    if (ELF64_ST_BIND(symbol.st_info) != STB_GNU_UNIQUE || symbol.st_shndx == SHN_UNDEF) continue;
    if (is_shared(text(symbol.st_name))) continue;
    symbol.st_info = ELF64_ST_INFO(STB_WEAK, ELF64_ST_TYPE(symbol.st_info));
  }
}

}  // namespace libatoll::runtime::extensions
