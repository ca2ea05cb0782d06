#include "support/owner_callback.hpp"

#include <exception>
#include <utility>

#include "py/thread_state.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::bindings {

void OwnerCallback::make() noexcept {
  try {
    runtime::Session session(*owner_, runtime::Session::Access::pin);
    if (!callable_) return;
    PyObject* const error = PyErr_GetRaisedException();
    const py::Ref callable = py::Ref::steal(std::exchange(callable_, nullptr));
    const py::Ref argument = py::Ref::steal(std::exchange(argument_, nullptr));
    if (!py::guarded(
            [&] { return py::Ref::steal(PyObject_CallOneArg(callable.get(), argument.get())); })) {
      PyErr_WriteUnraisable(callable.get());
    }
    PyErr_SetRaisedException(error);
  } catch (const std::exception&) {
    // It is closed, or there is no memory for a thread state in it.
  }
}

void OwnerCallback::cancel() noexcept {
  Py_CLEAR(callable_);
  Py_CLEAR(argument_);
}

}  // namespace libatoll::bindings
