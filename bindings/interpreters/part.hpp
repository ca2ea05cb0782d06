// What this folder keeps in each interpreter, and adds to the module.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct InterpretersPart final : PartOf<InterpretersPart> {
  static constexpr Folder folder = Folder::interpreters;

  PyObject* execution_failed =
      nullptr;  ///< the class that _set_execution_failed() was given, or null
  PyTypeObject* interpreter_type = nullptr;    ///< _atoll.Interpreter
  PyTypeObject* remote_stream_type = nullptr;  ///< _atoll.RemoteStream

  template <class Visit>
  void each(Visit visit) {
    visit(execution_failed);
    visit(interpreter_type);
    visit(remote_stream_type);
  }
};

[[nodiscard]] inline InterpretersPart& interpreters_of(const State& state) noexcept {
  return part_of<InterpretersPart>(state);
}

/// The types Interpreter and RemoteStream, and the functions of `atoll.lowlevel.interpreters`.
[[nodiscard]] py::Status add_interpreters(PyObject* module);

}  // namespace libatoll::bindings
