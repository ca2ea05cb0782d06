// Where private copies of files lie: in the user's cache, so that a file is copied once per machine
// and all programs map the same pages; else in anonymous memory of the process.
//
// The cache is `$XDG_CACHE_HOME/atoll/extensions` (`~/.cache/atoll/extensions`). Its folder belongs
// to the user alone (0700, owner checked); files appear there complete, by rename(), and every byte
// is compared with what it should be before a file is used. It is bounded: the files that were used
// least recently go. Any thread may call; no GIL is needed.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "runtime/extensions/elf_image.hpp"

namespace libatoll::runtime::extensions {

/// A path for dlopen() whose file holds the bytes of `image` (with its edits), another inode for
/// every `place`. Valid for the rest of the process. Throws ExtensionError.
[[nodiscard]] std::string store_copy(const ElfImage& image, const std::string& origin,
                                     std::size_t place);

/// The same in anonymous memory, for file systems that do not allow to execute.
[[nodiscard]] std::string store_in_memory(const ElfImage& image);

/// The cache's folder, whether it exists or not; empty if there is no place for it.
[[nodiscard]] std::string cache_folder();

}  // namespace libatoll::runtime::extensions
