// Owned references and the error convention of all code that talks to CPython.
//
// An owned object is a py::Ref, a borrowed one a PyObject*. A function that can fail returns a Ref
// (empty on failure) or a py::Status; on failure the Python error indicator is set in the current
// interpreter. All of it needs an attached thread state of the interpreter that owns the object.
#pragma once

#include <Python.h>

#include <utility>

namespace libatoll::py {

enum class [[nodiscard]] Status : bool;
enum class Status : bool { error = false, ok = true };

[[nodiscard]] inline bool failed(Status s) noexcept {
  return s == Status::error;
}

class Ref {
 public:
  constexpr Ref() noexcept = default;
  constexpr Ref(std::nullptr_t) noexcept {}
  Ref(const Ref& other) noexcept : object_(Py_XNewRef(other.object_)) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  /// Takes over a new reference (null allowed: the call that made it failed).
  [[nodiscard]] static Ref steal(PyObject* object) noexcept { return Ref(object); }
  /// Adds a reference to a borrowed object.
  [[nodiscard]] static Ref borrow(PyObject* object) noexcept { return Ref(Py_XNewRef(object)); }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  void reset() noexcept { Py_CLEAR(object_); }
  /// For what is made when it is first needed. Making it may let another thread run (Python code,
  /// imports), which makes it too: the first one stays, since it may be in use already.
  void set_once(Ref made) noexcept {
    if (!object_) *this = std::move(made);
  }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  explicit Ref(PyObject* object) noexcept : object_(object) {}
  PyObject* object_ = nullptr;
};

}  // namespace libatoll::py
