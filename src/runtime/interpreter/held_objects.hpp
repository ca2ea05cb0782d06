// Objects of one interpreter that others hold.
//
//   auto stream = RemoteObject::hold(owner, object);  // in the owner, which is attached
//   ...
//   Session session(stream->owner(), Session::Access::pin);  // from any thread
//   const py::Ref object = stream->object();
//
// A reference can be dropped only in the interpreter that the object belongs to. When the last
// Handle of a RemoteObject goes, in any thread and without a GIL, it is put on its owner's list,
// which the owner drains when it next uses interpreters. When the owner ends it takes all objects
// back: a file that others still print to is flushed and closed as if nobody had held it.
#pragma once

#include <Python.h>

#include <atomic>
#include <mutex>

#include "core/base/intrusive_list.hpp"
#include "core/base/object.hpp"
#include "py/ref.hpp"

namespace libatoll::runtime {

class Interpreter;
class RemoteObject;

/// What others hold of one interpreter; part of its record.
class HeldObjects {
 public:
  /// In the owner, with its GIL: drops what others have let go of. One atomic load when there is
  /// nothing. Runs destructors; leaves the error indicator as it is.
  void drain() noexcept;
  /// In the owner, at its end: takes everything back, for good.
  void close() noexcept;
  /// Any thread: the objects are gone, there is nothing to enter the owner for.
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load(std::memory_order_acquire); }

 private:
  friend class RemoteObject;

  std::mutex mutex_;  // guards the lists; a few lines, never while Python runs
  core::IntrusiveList<RemoteObject> live_;
  RemoteObject* released_ = nullptr;
  std::atomic<bool> has_released_{false};
  std::atomic<bool> closed_{false};
};

class RemoteObject final : public core::Object {
 public:
  /// In the owner. Empty with a Python error set: no memory, or the owner is ending.
  [[nodiscard]] static core::Handle<RemoteObject> hold(Interpreter& owner, PyObject* object);

  [[nodiscard]] Interpreter& owner() const noexcept { return *owner_; }
  /// In the owner, with its GIL. Empty (no error is set) if the owner has taken it back.
  [[nodiscard]] py::Ref object() const noexcept { return py::Ref::borrow(object_); }

 private:
  friend class HeldObjects;
  friend class core::IntrusiveList<RemoteObject>;

  RemoteObject(core::Handle<Interpreter> owner, PyObject* object) noexcept;
  ~RemoteObject() override;
  void destroy() noexcept override;

  core::Handle<Interpreter> owner_;
  /// Owned. Read in the owner with its GIL, or under the mutex; written under both.
  PyObject* object_;
  RemoteObject* next_ = nullptr;
  RemoteObject* previous_ = nullptr;
};

}  // namespace libatoll::runtime
