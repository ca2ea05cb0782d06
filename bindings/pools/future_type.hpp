// atoll.Future: the result of a task to come, as a concurrent.futures.Future.
//
// The native half, `_atoll.Future`, has the methods that ask and wait; they look at the task, and
// cost no Python. What concurrent.futures' own functions (wait(), as_completed(), callbacks) need,
// a Condition and lists of waiters, is made by the Python half (atoll._futures) when they first ask
// for it. From then on the future is *watched*: the thread that ends the task enters this
// interpreter and settles the future, which notifies those, under that Condition.
//
// An object belongs to one interpreter and is guarded by its GIL.
#pragma once

#include <Python.h>

#include "core/base/object.hpp"
#include "py/ref.hpp"
#include "runtime/pool/pool_task.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// For register_future_base(): makes `_atoll.Future`, a subclass of concurrent.futures.Future, and
/// keeps the Python class that is to be made of it.
[[nodiscard]] PyObject* make_native_future_type(PyObject* module, PyObject* base);

/// A future for `task` (null: it has failed already, with the exception `failure`). Empty with an
/// error set.
[[nodiscard]] py::Ref make_future(State& state, core::Handle<runtime::PoolTask> task,
                                  PyObject* failure = nullptr);

/// It is the standard executor's, in what cancel() means.
void note_executor(const State& state, PyObject* future) noexcept;

/// Is it one of this interpreter's?
[[nodiscard]] bool is_future(const State& state, PyObject* object) noexcept;
/// Null: it failed before there was one.
[[nodiscard]] runtime::PoolTask* task_behind(const State& state, PyObject* future) noexcept;

/// What result() gives or raises, of a task that is over.
[[nodiscard]] PyObject* future_result(State& state, PyObject* future);

/// What has become of a finished task, taken out of it; raises what it raised. `task` is not shared
/// with a future.
[[nodiscard]] PyObject* take_result(State& state, runtime::PoolTask& task);

/// Why a pool is broken, as an exception: ExecutionFailed or NotShareableError.
[[nodiscard]] py::Ref failure_of(State& state, const runtime::Pool& pool);
/// Raises BrokenInterpreterPool, with that as cause. Returns null.
PyObject* raise_pool_broken(State& state, const runtime::Pool& pool);

}  // namespace libatoll::bindings
