// atoll.SharedBuffer: memory that all interpreters see.
//
// The object belongs to one interpreter, the memory to none: it lives as long as any of its
// objects, C++ handles, exported views or messages under way. The type is without cyclic garbage
// collection: a buffer refers to no Python object but its type.
#pragma once

#include <Python.h>

#include "core/memory/shared_buffer.hpp"
#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct SharedBufferObject {
  PyObject_HEAD
  core::SharedBuffer* memory;  ///< a count of its own
  PyObject* weakrefs;
};

[[nodiscard]] inline core::SharedBuffer& memory_of(PyObject* object) noexcept {
  return *reinterpret_cast<SharedBufferObject*>(object)->memory;
}

/// An object of `type` (MemoryPart::shared_buffer_type). Empty with an error set, MemoryError if
/// there is no memory.
[[nodiscard]] py::Ref make_shared_buffer(PyTypeObject* type,
                                         core::Handle<core::SharedBuffer> memory);

/// The content of what exports a buffer, in C order; without the GIL if it is much. Empty with a
/// Python error set.
[[nodiscard]] core::Handle<core::SharedBuffer> copy_content(const Py_buffer& view, bool readonly);

/// The type of the module; null with a Python error set.
[[nodiscard]] PyTypeObject* make_shared_buffer_type(PyObject* module);

/// Makes SharedBuffers travel, by reference.
[[nodiscard]] py::Status register_shared_buffer(const State& state);

}  // namespace libatoll::bindings
