// How the current interpreter imports extension modules: `Config::extensions` put into effect.
#pragma once

#include "py/ref.hpp"
#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::extensions {

/// Makes the loader of extension modules, in the current interpreter, load private copies of what
/// does not declare that it may be shared (`Extensions::automatic`), or of all that is not the
/// standard library's (`Extensions::separate`). Does nothing for other settings and for
/// interpreters that may load anything. `self` is the current interpreter.
[[nodiscard]] py::Status install_import_hook(Interpreter& self);

}  // namespace libatoll::runtime::extensions
