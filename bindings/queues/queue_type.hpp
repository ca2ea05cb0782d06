// `_atoll.Queue`: the native half of atoll.interpreters.Queue.
//
// An object is one bind of a queue: the queue lives as long as some interpreter has an object for
// it, or a message carries one. All methods may be called from any thread of the interpreter.
//
// The Python half says what PEP 734 says in Python, in methods that only rare cases call:
//   _monotonic()               the clock that timeouts are measured with, seconds
//   _unbound_flag(constant)    UNBOUND, UNBOUND_ERROR... as a flag
//   _resolve_unbound(flag)     what get() returns, or raises, in place of an unbound item
#pragma once

#include <Python.h>

#include "core/channel/item.hpp"
#include "core/registry/queue.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// A new heap type of the module; null with a Python error set on failure.
PyTypeObject* make_queue_type(PyObject* module);

// For select(), which gets from queues, too. `object` is an instance of the type or of a subclass.

[[nodiscard]] core::Queue& queue_behind(PyObject* object) noexcept;
/// What get() returns for the item.
[[nodiscard]] PyObject* unpack_queue_item(PyObject* object, core::Item&& item);
/// The error of a get() that ended with `status`. Returns null.
PyObject* raise_queue_status(State& state, PyObject* object, core::Status status);

}  // namespace libatoll::bindings
