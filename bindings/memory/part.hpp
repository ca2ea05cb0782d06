// What this folder keeps in each interpreter, and adds to the module.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct MemoryPart final : PartOf<MemoryPart> {
  static constexpr Folder folder = Folder::memory;

  PyTypeObject* shared_buffer_type = nullptr;  ///< atoll.SharedBuffer
  PyTypeObject* shared_array_type = nullptr;   ///< atoll.SharedArray

  template <class Visit>
  void each(Visit visit) {
    visit(shared_buffer_type);
    visit(shared_array_type);
  }
};

[[nodiscard]] inline MemoryPart& shared_memory_of(const State& state) noexcept {
  return part_of<MemoryPart>(state);
}

/// The types SharedBuffer and SharedArray, which travel by reference.
[[nodiscard]] py::Status add_shared_memory(PyObject* module);

}  // namespace libatoll::bindings
