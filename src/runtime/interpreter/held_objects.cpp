#include "runtime/interpreter/held_objects.hpp"

#include <new>
#include <utility>

#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime {

// --- one interpreter's ---------------------------------------------------------------------------

void HeldObjects::drain() noexcept {
  if (!has_released_.load(std::memory_order_acquire)) return;
  RemoteObject* released;
  {
    const std::lock_guard lock(mutex_);
    released = std::exchange(released_, nullptr);
    has_released_.store(false, std::memory_order_relaxed);
  }
  // Destructors may come back here: no lock is held, no error is disturbed.
  PyObject* const error = PyErr_GetRaisedException();
  while (released) {
    RemoteObject* const gone = std::exchange(released, released->next_);
    Py_CLEAR(gone->object_);
    delete gone;
  }
  PyErr_SetRaisedException(error);
}

void HeldObjects::close() noexcept {
  closed_.store(true, std::memory_order_release);
  PyObject* const error = PyErr_GetRaisedException();
  for (;;) {
    PyObject* object = nullptr;
    {
      const std::lock_guard lock(mutex_);
      RemoteObject* const first = live_.first();
      if (!first) break;
      object = std::exchange(first->object_, nullptr);
      live_.remove(*first);
    }
    Py_DECREF(object);
  }
  PyErr_SetRaisedException(error);
  drain();
}

// --- one object ----------------------------------------------------------------------------------

RemoteObject::RemoteObject(core::Handle<Interpreter> owner, PyObject* object) noexcept
    : owner_(std::move(owner)), object_(Py_NewRef(object)) {}

RemoteObject::~RemoteObject() = default;

core::Handle<RemoteObject> RemoteObject::hold(Interpreter& owner, PyObject* object) {
  HeldObjects& held = owner.held();
  held.drain();
  if (held.is_closed()) {
    PyErr_SetString(PyExc_RuntimeError,
                    "the interpreter is ending: others can no longer hold its objects");
    return {};
  }
  auto* made = new (std::nothrow) RemoteObject(core::Handle<Interpreter>::share(&owner), object);
  if (!made) {
    PyErr_NoMemory();
    return {};
  }
  const std::lock_guard lock(held.mutex_);
  held.live_.add(*made);
  return core::Handle<RemoteObject>::adopt(made);
}

void RemoteObject::destroy() noexcept {
  HeldObjects& held = owner_->held();
  {
    const std::lock_guard lock(held.mutex_);
    if (object_) {
      held.live_.remove(*this);
      next_ = std::exchange(held.released_, this);
      held.has_released_.store(true, std::memory_order_release);
      return;
    }
  }
  delete this;
}

}  // namespace libatoll::runtime
