// What `_atoll` keeps in each interpreter.
#pragma once

#include <Python.h>

#include <exception>
#include <new>

#include "atoll/error.hpp"
#include "py/ref.hpp"
#include "runtime/interpreter/interpreter.hpp"
#include "runtime/interpreter/run.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::bindings {

struct State {
  runtime::Interpreter* self;       ///< the interpreter that this module lives in
  PyObject* interpreter_error;      ///< InterpreterError
  PyObject* interpreter_not_found;  ///< InterpreterNotFoundError
  PyObject* execution_failed;       ///< the class that set_execution_failed() was given, or null
  PyObject* simple_namespace;       ///< types.SimpleNamespace
  PyTypeObject* interpreter_type;   ///< _atoll.Interpreter

  PyObject* queue_error;      ///< QueueError
  PyObject* queue_not_found;  ///< QueueNotFoundError
  PyObject* queue_empty;      ///< what get() raises: registered by the high-level module, or null
  PyObject* queue_full;       ///< what put() raises
  PyTypeObject* queue_type;   ///< _atoll.Queue

  PyObject* channel_error;          ///< ChannelError
  PyObject* channel_not_found;      ///< ChannelNotFoundError
  PyObject* channel_closed;         ///< ChannelClosedError
  PyObject* channel_empty;          ///< ChannelEmptyError
  PyObject* channel_not_empty;      ///< ChannelNotEmptyError
  PyTypeObject* channel_id_type;    ///< ChannelID
  PyTypeObject* channel_info_type;  ///< ChannelInfo

  PyObject* closed;             ///< atoll.Closed
  PyObject* would_block;        ///< atoll.WouldBlock
  PyTypeObject* sender_type;    ///< atoll.Sender
  PyTypeObject* receiver_type;  ///< atoll.Receiver
  PyTypeObject* selected_type;  ///< atoll.Selected

  PyTypeObject* pool_type;           ///< _atoll.Pool
  PyTypeObject* completions_type;    ///< _atoll._Completions
  PyTypeObject* native_future_type;  ///< _atoll.Future; null until atoll._futures is imported
  PyTypeObject* future_type;         ///< atoll.Future; null likewise, as are the next three
  PyObject* settle_future;           ///< a function: tells concurrent.futures' waiters
  PyObject* cancelled_error;         ///< concurrent.futures.CancelledError
  PyObject* broken_pool;             ///< atoll.futures.BrokenInterpreterPool
  PyObject* task_timed_out;          ///< atoll.TaskTimedOut
  PyObject* kept_result;             ///< interned names of a future's attributes
  PyObject* kept_exception;
  bool pools_are_over;  ///< the interpreter is ending: it takes no more tasks

  PyTypeObject* remote_stream_type;  ///< _atoll.RemoteStream

  PyTypeObject* shared_buffer_type;  ///< atoll.SharedBuffer
  PyTypeObject* shared_array_type;   ///< atoll.SharedArray

  /// Null with a Python error set when the interpreter is ending.
  [[nodiscard]] transfer::Context* context() const { return self->context(); }
};

extern PyModuleDef module_definition;

/// The state behind a function of the module (`self` is the module object).
[[nodiscard]] inline State& state_of(PyObject* module) noexcept {
  return *static_cast<State*>(PyModule_GetState(module));
}

/// The state behind an object of one of the module's types, or of a subclass of one; null with a
/// Python error set when there is none (the module is gone).
[[nodiscard]] inline State* state_of_type(PyTypeObject* type) noexcept {
  PyObject* module = PyType_GetModuleByDef(type, &module_definition);
  return module ? &state_of(module) : nullptr;
}

/// The state of the calling interpreter's module; null with a Python error set when there is none.
[[nodiscard]] State* current_state();

/// Sets the Python exception for the C++ exception in flight. Call in a catch block.
void set_error_from_exception(const State& state) noexcept;

/// Calls `body` and turns what it throws into a Python exception and null.
template <class Body>
PyObject* translated(const State& state, Body&& body) {
  try {
    return body();
  } catch (const std::exception&) {
    set_error_from_exception(state);
    return nullptr;
  }
}

/// Raises KeyboardInterrupt, or what the main interpreter's SIGINT handler raises, after a call
/// that Ctrl-C has stopped.
void raise_interrupt() noexcept;

/// Raises NotShareableError as it was seen in the other interpreter, with the traceback there as
/// cause.
void raise_not_shareable(transfer::Context& context,
                         const transfer::ExceptionSnapshot& snapshot) noexcept;

}  // namespace libatoll::bindings
