// What transfer keeps in each interpreter: looked-up functions, interned names, caches.
//
// One Context per interpreter, made and destroyed inside it; every function of this layer takes the
// Context of the interpreter that is current in the calling thread.
#pragma once

#include <Python.h>

#include <memory>

#include "py/ref.hpp"

namespace atoll::transfer {

class Context {
 public:
  /// Null with a Python error set on failure. Imports nothing that is not needed yet.
  [[nodiscard]] static std::unique_ptr<Context> create();
  /// In the interpreter, with its GIL held.
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// This interpreter's NotShareableError (a TypeError).
  [[nodiscard]] PyObject* not_shareable_error() const noexcept;

 private:
  Context();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace atoll::transfer
