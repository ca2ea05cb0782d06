// Modules of the current interpreter, where somebody has imported them.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "py/thread_state.hpp"

namespace libatoll::py {

/// Empty if nobody has. Leaves no Python error set.
inline Ref loaded_module(const char* name) noexcept {
  const Ref text = Ref::steal(PyUnicode_InternFromString(name));
  Ref module = Ref::steal(text ? PyImport_GetModule(text.get()) : nullptr);
  PyErr_Clear();
  return module;
}

/// Calls a function of it without arguments. What it raises goes to sys.unraisablehook.
inline void call_if_loaded(const char* module_name, const char* function) noexcept {
  const Ref module = loaded_module(module_name);
  if (!module) return;
  guarded([&] { return Ref::steal(PyObject_CallMethod(module.get(), function, nullptr)); });
  if (PyErr_Occurred()) PyErr_WriteUnraisable(module.get());
}

}  // namespace libatoll::py
