// Modules that a receiver's import system does not find, because the sender loaded them from files
// of its choice: tests under pytest, plug-ins, what was imported after `sys.path` had been changed.
#pragma once

#include <Python.h>

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// The files of the modules that this process has named to other interpreters. Every thread may use
/// it.
class ModuleFiles {
 public:
  static ModuleFiles& instance();

  void set(std::string module, std::string file);
  /// Empty text: a package that has no file, but modules below it that have one.
  [[nodiscard]] std::optional<std::string> find(std::string_view module) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::string> files_;
};

/// Notes where the modules that are new come from, before a message is made that may name any.
/// Costs little where none is. Runs no Python code.
void note_module_files(Context& context);

/// The same, and looks again where this module is from: another may have taken its name.
void note_module_file(Context& context, PyObject* name);

/// After a failed import: true if the module that was not found is one of the sender's. The error
/// is cleared then, and the import system finds those from now on.
bool learn_missing_module(Context& context);

}  // namespace libatoll::transfer
