// Modules that hand out an array of slots, by `PyModExport_x` (PEP 793, CPython 3.15).
#pragma once

#include <Python.h>

#include "py/cpython_compat.hpp"
#include "py/ref.hpp"
#include "runtime/extensions/declaration.hpp"

namespace libatoll::runtime::extensions {

#if ATOLL_HAS_MODULE_SLOTS

[[nodiscard]] Declaration declaration_of(const PySlot* slots) noexcept;

/// The module of these slots, as of one that declares isolation.
[[nodiscard]] py::Ref isolated_module(const PySlot* slots, PyObject* spec);

#endif

}  // namespace libatoll::runtime::extensions
