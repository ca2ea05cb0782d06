// Starting CPython.
#pragma once

#include "atoll/runtime.hpp"

namespace atoll::api {

/// Initialises CPython; the calling thread holds the GIL of the main interpreter afterwards. Throws
/// StartupError.
void start_cpython(const RuntimeOptions& options);

}  // namespace atoll::api
