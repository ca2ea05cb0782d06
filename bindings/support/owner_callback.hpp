// A Python call that is kept for another thread to make.
#pragma once

#include <Python.h>

#include "runtime/interpreter/registry.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// A callable and its argument, of the interpreter that made this; whoever has to call, in whatever
/// interpreter or none, enters that one. Made once, or cancelled.
class OwnerCallback {
 public:
  OwnerCallback(const State& state, PyObject* callable, PyObject* argument) noexcept
      : owner_(runtime::InterpreterHandle::share(state.self)),
        callable_(Py_NewRef(callable)),
        argument_(Py_NewRef(argument)) {}
  OwnerCallback(const OwnerCallback&) = delete;
  OwnerCallback& operator=(const OwnerCallback&) = delete;

  /// What it raises is reported to sys.unraisablehook. If the interpreter is closed, nothing
  /// happens: its objects are gone with it.
  void make() noexcept;
  /// In the owner: it will not be made, unless that has happened.
  void cancel() noexcept;

 private:
  const runtime::InterpreterHandle owner_;
  PyObject* callable_;  ///< owned, of the owner; null when the call was made
  PyObject* argument_;  ///< likewise
};

}  // namespace libatoll::bindings
