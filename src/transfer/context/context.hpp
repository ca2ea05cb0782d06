// What transfer keeps in each interpreter: looked-up functions, interned names, caches.
//
// One Context per interpreter, made and destroyed inside it; every function of this layer takes the
// Context of the interpreter that is current in the calling thread.
#pragma once

#include <Python.h>

#include <memory>

#include "py/ref.hpp"

namespace libatoll::transfer {

class Context {
 public:
  /// Null with a Python error set on failure. Imports nothing that is not needed yet.
  [[nodiscard]] static std::unique_ptr<Context> create();
  /// In the interpreter, with its GIL held. Releases what other interpreters gave back; memory that
  /// they still see is left alive for good.
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// This interpreter's NotShareableError (a TypeError).
  [[nodiscard]] PyObject* not_shareable_error() const noexcept;
  /// This interpreter's TaskInterrupted (a BaseException).
  [[nodiscard]] PyObject* task_interrupted() const noexcept;

  /// The parts, for the sources of this layer (context_impl.hpp).
  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  Context();
  std::unique_ptr<Impl> impl_;
};

// Which Context belongs to which interpreter. The runtime registers a Context when it has made it
// and unregisters it before it destroys it. Safe from any thread.

void register_context(PyInterpreterState* interpreter, Context* context);
void unregister_context(PyInterpreterState* interpreter) noexcept;

/// The Context of the interpreter that is current in this thread, or null. A few nanoseconds.
[[nodiscard]] Context* find_current() noexcept;
/// The same where there must be one (module functions: the module registered it).
[[nodiscard]] Context& current() noexcept;

}  // namespace libatoll::transfer
