// An ELF shared object as it lies in its file, mapped so that edits stay in memory.
//
// Everything that is read from the file is checked against its size: a truncated or foreign file
// ends in an ExtensionError, never in a fault. An image belongs to one thread at a time; the file
// must not be shortened while it is mapped.
//
//   ElfImage image("/path/numpy/_core/_multiarray_umath.so");
//   for (const auto& name : image.needed()) ...
//   image.separate_unique_symbols(is_shared);
//   write(fd, image.bytes().data(), image.bytes().size());  // with the edits
#pragma once

#include <elf.h>
#include <link.h>
#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/extensions/file_descriptor.hpp"

namespace libatoll::runtime::extensions {

class ElfImage {
 public:
  /// Throws ExtensionError if the file cannot be read or is no shared object for this machine.
  explicit ElfImage(const std::string& path);
  ~ElfImage();
  ElfImage(const ElfImage&) = delete;
  ElfImage& operator=(const ElfImage&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// Of the file, when it was opened.
  [[nodiscard]] const struct stat& status() const noexcept { return status_; }
  /// Of the file, open for reading as long as the image exists.
  [[nodiscard]] int descriptor() const noexcept { return file_.get(); }
  /// DT_NEEDED, in order.
  [[nodiscard]] std::vector<std::string> needed() const { return strings(DT_NEEDED); }
  /// DT_SONAME, or empty.
  [[nodiscard]] std::string soname() const;
  /// Does it use a function of that name from elsewhere?
  [[nodiscard]] bool imports(std::string_view symbol) const;
  /// Does it have a function for others whose name begins like that?
  [[nodiscard]] bool exports(std::string_view prefix) const;
  /// Does it use anything of Python's C API?
  [[nodiscard]] bool imports_python() const;
  /// Gives a library another name of the same length, wherever this file says its own or that of
  /// one that it needs. Throws ExtensionError if the name is a part of another text.
  void rename_library(const std::string& from, const std::string& to);
  /// Takes away what the file would run when the process ends: the destructors of its C++ statics
  /// and other functions that it registers with the C library. By then the interpreter that these
  /// objects belong to is gone.
  void drop_exit_handlers();
  /// Makes the file find its own functions and variables before those that others have made
  /// visible to all.
  void prefer_own_symbols();
  /// The folders of DT_RUNPATH (else DT_RPATH) that lie relative to the file itself, as paths.
  [[nodiscard]] std::vector<std::string> folders_beside() const;
  /// Makes plain symbols of those definitions that the dynamic linker would unify over the whole
  /// process (STB_GNU_UNIQUE: static members of C++ templates, statics of inline functions), except
  /// those that `is_shared` claims.
  void separate_unique_symbols(const std::function<bool(const char*)>& is_shared);

 private:
  template <class T>
  [[nodiscard]] T* at(std::size_t offset, std::size_t count = 1) const;
  [[nodiscard]] std::size_t offset_of(ElfW(Addr) address) const;
  [[nodiscard]] const char* text(std::size_t index) const;
  [[nodiscard]] std::vector<std::string> strings(ElfW(Sxword) tag) const;
  [[nodiscard]] std::span<ElfW(Sym)> symbols() const;
  /// Makes the file import `to` in the place of `from`, of the same library and version, if it
  /// imports that and there is room for the name.
  void redirect(std::string_view from, std::string_view to);
  void read();
  [[nodiscard]] std::size_t count_symbols(std::size_t gnu_hash) const;

  std::string path_;
  FileDescriptor file_;
  struct stat status_ {};
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::span<ElfW(Phdr)> segments_;
  std::span<ElfW(Dyn)> dynamic_;
  std::size_t strings_offset_ = 0;
  std::size_t strings_size_ = 0;
  std::size_t symbols_offset_ = 0;
  std::size_t symbol_count_ = 0;
};

}  // namespace libatoll::runtime::extensions
