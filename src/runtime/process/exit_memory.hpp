// What CPython 3.12 frees in the wrong interpreter when the process ends.
#pragma once

namespace libatoll::runtime::lifecycle {

/// Until Py_FinalizeEx() is done, raw memory that is freed stays allocated. Does nothing on
/// versions that need no such thing. In the main interpreter, with its GIL, when only its own
/// finalization is still to come.
void keep_freed_memory() noexcept;

}  // namespace libatoll::runtime::lifecycle
