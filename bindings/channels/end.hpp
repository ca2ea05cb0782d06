// What atoll.Sender and atoll.Receiver have in common: one open or closed clone of an end.
//
// An object belongs to one interpreter and is guarded by its GIL. It keeps its channel (or timer)
// in memory until it is destroyed, also when it is closed. Both types are without cyclic garbage
// collection: an end refers to no Python object but its type.
#pragma once

#include <Python.h>

#include <memory>

#include "core/channel/channel_ends.hpp"
#include "py/ref.hpp"
#include "support/state.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

struct EndObject {
  PyObject_HEAD
  core::EndRef* ref;  ///< owned
  State* state;       ///< of the module of the type
  PyObject* weakrefs;

  [[nodiscard]] bool is_open() const noexcept { return ref->is_open(); }
  [[nodiscard]] core::ChannelEnds& ends() const noexcept { return *ref->ends(); }
  /// Null for a timer.
  [[nodiscard]] core::Channel* channel() const noexcept { return ends().channel(); }
  [[nodiscard]] core::Timer* timer() const noexcept { return ends().timer(); }
};

[[nodiscard]] inline EndObject& end_of(PyObject* object) noexcept {
  return *reinterpret_cast<EndObject*>(object);
}

/// A Sender or Receiver of this interpreter with a reference of its own. Empty with an error set.
[[nodiscard]] py::Ref make_end(State& state, const core::Handle<core::ChannelEnds>& ends,
                               core::End end);

/// "Sender" or "Receiver".
[[nodiscard]] const char* kind_of(const EndObject& end) noexcept;

/// Waits through one clone.
[[nodiscard]] Blocked block_on_end(EndObject& end, core::Operation& operation,
                                   core::Deadline deadline);

// For the types' slots and methods.
void end_dealloc(PyObject* object);
PyObject* end_repr(PyObject* object);
Py_hash_t end_hash(PyObject* object);
PyObject* end_compare(PyObject* object, PyObject* other, int op);
Py_ssize_t end_length(PyObject* object);
int end_is_true(PyObject* object);
PyObject* end_clone(PyObject* object, PyObject*);
PyObject* end_close(PyObject* object, PyObject*);
PyObject* end_enter(PyObject* object, PyObject*);
PyObject* end_exit(PyObject* object, PyObject* const* args, Py_ssize_t nargs);
PyObject* end_capacity(PyObject* object, void*);
PyObject* end_closed(PyObject* object, void*);

/// New heap types of the module; null with a Python error set.
[[nodiscard]] PyTypeObject* make_sender_type(PyObject* module);
[[nodiscard]] PyTypeObject* make_receiver_type(PyObject* module);

}  // namespace libatoll::bindings
