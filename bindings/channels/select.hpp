// atoll.select() and its result, atoll.Selected.
#pragma once

#include <Python.h>

namespace libatoll::bindings {

/// Null with a Python error set.
[[nodiscard]] PyTypeObject* make_selected_type();

extern PyMethodDef select_functions[];

}  // namespace libatoll::bindings
