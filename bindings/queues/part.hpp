// What this folder keeps in each interpreter, and adds to the module.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct QueuesPart final : PartOf<QueuesPart> {
  static constexpr Folder folder = Folder::queues;

  PyObject* error = nullptr;      ///< QueueError
  PyObject* not_found = nullptr;  ///< QueueNotFoundError
  PyObject* empty = nullptr;  ///< what get() raises: registered by the high-level module, or null
  PyObject* full = nullptr;   ///< what put() raises
  PyTypeObject* type = nullptr;  ///< _atoll.Queue

  template <class Visit>
  void each(Visit visit) {
    visit(error);
    visit(not_found);
    visit(empty);
    visit(full);
    visit(type);
  }
};

[[nodiscard]] inline QueuesPart& queues_of(const State& state) noexcept {
  return part_of<QueuesPart>(state);
}

/// The type Queue, its exceptions, and the functions of `atoll.lowlevel.queues`.
[[nodiscard]] py::Status add_queues(PyObject* module);

}  // namespace libatoll::bindings
