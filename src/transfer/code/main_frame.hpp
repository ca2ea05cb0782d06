// Calls that need a Python frame: eval, exec, dir, globals, locals, vars look at their caller's.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// Calls as if `__main__`'s own top-level code did. `args` as for a vectorcall with
/// PY_VECTORCALL_ARGUMENTS_OFFSET.
py::Ref call_in_main_frame(Context& context, PyObject* callable, PyObject** args, Py_ssize_t nargs,
                           PyObject* kwnames);

}  // namespace libatoll::transfer
