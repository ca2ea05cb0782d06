// The functions of this layer that are written in Python (src/transfer/python), run when the first
// of them is needed.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// The name of the module in which they live, in sys.modules.
inline constexpr const char* support_module = "_atoll_transfer";

/// One of them (borrowed), or null with an error set.
PyObject* pickle_support(Context& context, const char* name);

/// Calls one of them.
template <class... Args>
py::Ref call_support(Context& context, const char* name, Args*... args) {
  PyObject* const function = pickle_support(context, name);
  return py::Ref::steal(function ? PyObject_CallFunctionObjArgs(function, args..., nullptr)
                                 : nullptr);
}

}  // namespace libatoll::transfer
