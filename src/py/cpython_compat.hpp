// The differences between CPython 3.12, 3.13, 3.14 and 3.15 that atoll's sources see.
//
// Everything version-dependent is named here; elsewhere one of these names says why a branch exists.
#pragma once

#include <Python.h>

#if PY_VERSION_HEX < 0x030C0000
#error "atoll needs CPython 3.12 or newer"
#endif

/// Before 3.14 a fresh `__main__` holds `__annotations__` as well.
#define ATOLL_FRESH_MAIN_HAS_ANNOTATIONS (PY_VERSION_HEX < 0x030E0000)
