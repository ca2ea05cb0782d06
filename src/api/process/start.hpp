// Starting CPython.
#pragma once

#include "atoll/runtime.hpp"

namespace libatoll::api {

/// Initialises CPython; the calling thread holds the GIL of the main interpreter afterwards. Throws
/// StartupError.
void start_cpython(const RuntimeOptions& options);

}  // namespace libatoll::api
