// What the C API answers to a private copy of an extension module.
//
// PyGILState_Ensure() and a few others mean the main interpreter. In a copy they must mean the
// interpreter that the copy belongs to, so the copy's own table of imported functions (its GOT)
// gets these in their place. They know the copy by the address that they return to.
//
// A thread that asks to enter an interpreter which is closing, or closed, does not come back: it
// blocks for good, without any GIL, as threads do that attach while CPython finalizes. PyGILState's
// functions have no way to say no.
#pragma once

#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::extensions {

/// For a library that dlopen() has just returned, before any code of it is called: registers where
/// it lies as `owner`'s, and replaces what it imports. Throws ExtensionError. It must stay loaded.
void interpose(void* library, Interpreter& owner);

/// Maps the code and the constants of a copy from the original file, where both are the same: these
/// pages are then shared with all interpreters and processes that use it, and debuggers know them
/// by their name. `original`: a descriptor of the file that the copy was made of. Best effort.
void share_pages(void* library, int original) noexcept;

}  // namespace libatoll::runtime::extensions
