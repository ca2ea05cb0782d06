// Private copies of extension modules' files, loaded.
#pragma once

#include <string>

#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::extensions {

/// The handle (of dlopen) of the copy of `path` that belongs to `owner`; made and loaded at its
/// first request. It stays loaded until the process ends: threads of its own may still run in it.
/// Of the shared libraries that the file brings along, those that use Python's C API, and what
/// these need, are copied as well; the others are used by all interpreters as one. Throws
/// ExtensionError. Any thread; may take as long as copying the file does.
[[nodiscard]] void* open_private_copy(const std::string& path, Interpreter& owner);

}  // namespace libatoll::runtime::extensions
