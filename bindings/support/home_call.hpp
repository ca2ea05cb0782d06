// A Python call that is kept for another thread to make.
#pragma once

#include <Python.h>

#include "runtime/interpreter/registry.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// A callable and its argument, of the interpreter that made this; whoever has to call, in whatever
/// interpreter or none, enters that one. Made once, or given up.
class HomeCall {
 public:
  HomeCall(const State& state, PyObject* callable, PyObject* argument) noexcept
      : home_(runtime::InterpreterHandle::share(state.self)),
        callable_(Py_NewRef(callable)),
        argument_(Py_NewRef(argument)) {}
  HomeCall(const HomeCall&) = delete;
  HomeCall& operator=(const HomeCall&) = delete;

  /// What it raises is reported to sys.unraisablehook. If the interpreter is closed, nothing
  /// happens: its objects are gone with it.
  void make() noexcept;
  /// In the home: it will not be made, unless that has happened.
  void give_up() noexcept;

 private:
  const runtime::InterpreterHandle home_;
  PyObject* callable_;  ///< owned, of the home; null when the call was made
  PyObject* argument_;  ///< likewise
};

}  // namespace libatoll::bindings
