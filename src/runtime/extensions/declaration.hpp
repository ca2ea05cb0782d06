// What the file of an extension module declares about isolated interpreters.
//
// CPython 3.13 and newer ask a module's init function in the main interpreter, and keep what a
// single-phase module makes there. So nobody asks CPython before this is known.
#pragma once

#include <Python.h>

#include <algorithm>
#include <string>
#include <vector>

#include "py/ref.hpp"

namespace libatoll::runtime::extensions {

enum class Declaration : unsigned char {
  isolated,  ///< `Py_MOD_PER_INTERPRETER_GIL_SUPPORTED`: all interpreters may share the file
  other,     ///< anything else
  unknown,   ///< only its init function can tell, which may set statics: a copy is asked
};

/// What follows `PyInit` in the name of the function that makes a module: `_x` or, for names that
/// are not ASCII, `U_` and punycode. Of the module's full name; empty with a Python error set.
[[nodiscard]] std::string init_suffix(PyObject* full_name);

/// Is it the slot `Py_mod_multiple_interpreters`, by its number in any version?
[[nodiscard]] bool is_interpreters_slot(int slot) noexcept;

/// What the slots of a definition say; null: none.
[[nodiscard]] Declaration declaration_of(const PyModuleDef_Slot* slots) noexcept;

/// All but what they say about interpreters, without the slot that ends them.
[[nodiscard]] std::vector<PyModuleDef_Slot> without_declaration(const PyModuleDef_Slot* slots);

/// An array that lives as long as what a copy hands out: for ever.
template <class Slot>
[[nodiscard]] Slot* kept_for_good(const std::vector<Slot>& slots) {
  auto* const kept = new Slot[slots.size()];
  std::copy(slots.begin(), slots.end(), kept);
  return kept;
}

/// What the file says, as far as that is known without running it. `isolated` also for what cannot
/// be read: CPython has the right words for that.
[[nodiscard]] Declaration declaration_of(const std::string& path);

/// From now on that is known of the file.
void set_declaration(const std::string& path, Declaration declaration);

}  // namespace libatoll::runtime::extensions
