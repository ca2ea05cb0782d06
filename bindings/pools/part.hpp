// What this folder keeps in each interpreter, and adds to the module.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

struct PoolsPart final : PartOf<PoolsPart> {
  static constexpr Folder folder = Folder::pools;

  PyTypeObject* pool_type = nullptr;         ///< _atoll.Pool
  PyTypeObject* completions_type = nullptr;  ///< _atoll._Completions
  PyTypeObject* native_future_type =
      nullptr;                          ///< _atoll.Future; null until atoll._futures is imported
  PyTypeObject* future_type = nullptr;  ///< atoll.Future; null likewise, as are the next three
  PyObject* settle_future = nullptr;    ///< a function: tells concurrent.futures' waiters
  PyObject* cancelled_error = nullptr;  ///< concurrent.futures.CancelledError
  PyObject* broken_pool = nullptr;      ///< atoll.futures.BrokenInterpreterPool
  PyObject* task_timed_out = nullptr;   ///< atoll.TaskTimedOut
  PyObject* kept_result = nullptr;      ///< interned names of a future's attributes
  PyObject* kept_exception = nullptr;
  bool are_over = false;  ///< the interpreter is ending: it takes no more tasks

  template <class Visit>
  void each(Visit visit) {
    visit(pool_type);
    visit(completions_type);
    visit(native_future_type);
    visit(future_type);
    visit(settle_future);
    visit(cancelled_error);
    visit(broken_pool);
    visit(task_timed_out);
    visit(kept_result);
    visit(kept_exception);
  }
};

[[nodiscard]] inline PoolsPart& pools_of(const State& state) noexcept {
  return part_of<PoolsPart>(state);
}

/// Pool, TaskInterrupted, TaskTimedOut, and the functions through which atoll._futures registers
/// its classes.
[[nodiscard]] py::Status add_pools(PyObject* module);

}  // namespace libatoll::bindings
