#include "pools/part.hpp"

#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "pools/completions_type.hpp"
#include "pools/future_type.hpp"
#include "pools/pool_options.hpp"
#include "runtime/pool/pool_list.hpp"
#include "runtime/process/lifecycle.hpp"
#include "support/fast_arguments.hpp"
#include "support/module_contents.hpp"
#include "support/owner_callback.hpp"
#include "support/state.hpp"
#include "support/wait.hpp"
#include "transfer/base/errors.hpp"

namespace libatoll::bindings {

namespace {

using core::Handle;
using core::Status;
using runtime::CallTask;
using runtime::MapTask;
using runtime::Pool;
using runtime::PoolTask;

/// Makes a call when the pool breaks.
class BreakListener final : public core::Task::Listener {
 public:
  BreakListener(const State& state, PyObject* callback, PyObject* argument) noexcept
      : call_(state, callback, argument) {}
  void task_over() noexcept override { call_.make(); }
  void cancel() noexcept { call_.cancel(); }

 private:
  OwnerCallback call_;
};

struct PoolObject {
  PyObject_HEAD
  Handle<Pool> pool;
  Handle<BreakListener> on_broken;
  State* state;  ///< of the module of the type; alive as long as the type
  transfer::Mode mode;
  PyObject* weakrefs;
};

PoolObject& self_of(PyObject* object) {
  return *reinterpret_cast<PoolObject*>(object);
}

/// From _end_pools() on.
bool require_time(const State& state) {
  if (!pools_of(state).are_over && !runtime::lifecycle::is_exiting()) return true;
  PyErr_SetString(PyExc_RuntimeError, "cannot schedule new futures after interpreter shutdown");
  return false;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  State* const state = state_of_type(type);
  if (!state) return nullptr;
  // The module tells its class when it is executed, which a lazy import (3.15) may not have done.
  if (!pools_of(*state).future_type && !py::Ref::steal(PyImport_ImportModule("atoll._futures"))) {
    return nullptr;
  }
  if (!pools_of(*state).future_type) {
    PyErr_SetString(PyExc_RuntimeError, "atoll._futures has not told its class of futures");
    return nullptr;
  }
  if (!require_time(*state)) return nullptr;
  return translated(*state, [&]() -> PyObject* {
    PoolArguments arguments;
    if (py::failed(parse_pool_arguments(*state, args, kwargs, arguments))) return nullptr;
    py::Ref object = py::Ref::steal(type->tp_alloc(type, 0));
    if (!object) return nullptr;
    PoolObject& self = self_of(object.get());
    new (&self.pool) Handle<Pool>();
    new (&self.on_broken) Handle<BreakListener>();
    self.state = state;
    self.mode = arguments.mode;
    self.pool =
        Pool::make(runtime::InterpreterHandle::share(state->self), std::move(arguments.options));
    return object.release();
  });
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  PoolObject& self = self_of(object);
  if (self.weakrefs) PyObject_ClearWeakRefs(object);
  // What was submitted is still executed.
  if (self.pool) self.pool->shut_down(false);
  if (self.on_broken) self.on_broken->cancel();
  self.on_broken.~Handle<BreakListener>();
  self.pool.~Handle<Pool>();
  type->tp_free(object);
  Py_DECREF(type);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  return 0;
}

// --- submitting ----------------------------------------------------------------------------------

/// A callable and the arguments for it.
struct Call {
  PyObject* const* args;
  Py_ssize_t nargs;
  PyObject* kwnames;

  py::Status encode(transfer::Context& context, transfer::Mode mode, core::Message& out) const {
    return transfer::encode_call(context, args[0], args + 1, nargs - 1, kwnames, out, mode);
  }
};

/// Takes the first argument as how many seconds a task may run, None for no limit. False with a
/// Python error set.
bool take_limit(PyObject* const*& args, Py_ssize_t& nargs, double& out) {
  if (nargs == 0) {
    PyErr_SetString(PyExc_TypeError, "missing the timeout of the task");
    return false;
  }
  PyObject* const value = *args++;
  --nargs;
  return value == Py_None || parse_seconds(value, "timeout", out);
}

bool require_function(const char* method, Py_ssize_t nargs) {
  if (nargs != 0) return true;
  PyErr_Format(PyExc_TypeError, "%s() missing 1 required positional argument: a callable", method);
  return false;
}

bool require_callable(const char* method, PyObject* const* args, Py_ssize_t nargs) {
  if (!require_function(method, nargs)) return false;
  if (PyCallable_Check(args[0])) return true;
  PyErr_Format(PyExc_TypeError, "%s() needs a callable, not %.200s", method,
               Py_TYPE(args[0])->tp_name);
  return false;
}

/// False with a Python error set.
bool submit_task(const PoolObject& self, PoolTask& task) {
  switch (self.pool->submit(task)) {
    case Pool::Admission::accepted:
      return true;
    case Pool::Admission::shut_down:
      PyErr_SetString(PyExc_RuntimeError, "cannot schedule new futures after shutdown");
      return false;
    case Pool::Admission::broken:
      (void)raise_pool_broken(*self.state, *self.pool);
      return false;
  }
  return false;
}

/// A pool that takes no tasks says so before it looks at the task.
bool require_open(const PoolObject& self) {
  if (!require_time(*self.state)) return false;
  if (self.pool->is_shut_down()) {
    PyErr_SetString(PyExc_RuntimeError, "cannot schedule new futures after shutdown");
    return false;
  }
  if (!self.pool->broken().is_over()) return true;
  (void)raise_pool_broken(*self.state, *self.pool);
  return false;
}

/// For what cannot travel: a future that has failed with the error that is set. Null if that is
/// another error.
PyObject* failed_future(const PoolObject& self) {
  transfer::Context* const context = self.state->context();
  if (!context || !PyErr_ExceptionMatches(context->not_shareable_error())) return nullptr;
  const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  return make_future(*self.state, nullptr, error.get()).release();
}

/// What a callable is called. Runs no Python code.
std::string_view label_of(PyObject* callable) noexcept {
  if (PyFunction_Check(callable)) {
    Py_ssize_t size = 0;
    PyObject* const name = reinterpret_cast<PyFunctionObject*>(callable)->func_qualname;
    const char* const text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text) return {text, static_cast<std::size_t>(size)};
    PyErr_Clear();
  }
  if (PyCFunction_Check(callable)) {
    return reinterpret_cast<PyCFunctionObject*>(callable)->m_ml->ml_name;
  }
  PyTypeObject* const type =
      PyType_Check(callable) ? reinterpret_cast<PyTypeObject*>(callable) : Py_TYPE(callable);
  return type->tp_name;
}

/// Empty with a Python error set.
Handle<CallTask> make_task(const PoolObject& self, const Call& call, double timeout) {
  transfer::Context* const context = self.state->context();
  core::Message message;
  if (!context || py::failed(call.encode(*context, self.mode, message))) return {};
  auto task = Handle<CallTask>::make(std::move(message), timeout, self.mode);
  task->set_label(label_of(call.args[0]));
  return task;
}

PyObject* submit_call(PyObject* object, const Call& call, double timeout) {
  PoolObject& self = self_of(object);
  return translated(*self.state, [&]() -> PyObject* {
    if (!require_open(self)) return nullptr;
    const auto task = make_task(self, call, timeout);
    if (!task) return failed_future(self);
    py::Ref future = make_future(*self.state, task);
    return future && submit_task(self, *task) ? future.release() : nullptr;
  });
}

PyObject* submit(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (!require_callable("submit", args, nargs)) return nullptr;
  return submit_call(object, {args, nargs, kwnames}, 0);
}

/// _submit_limited(timeout, function, /, *args, **kwargs)
PyObject* submit_limited(PyObject* object, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames) {
  double limit = 0;
  if (!take_limit(args, nargs, limit) || !require_callable("submit", args, nargs)) return nullptr;
  return submit_call(object, {args, nargs, kwnames}, limit);
}

/// For the executor: as submit(), but what is no function fails when it is called.
PyObject* submit_plain(PyObject* object, PyObject* const* args, Py_ssize_t nargs,
                       PyObject* kwnames) {
  if (!require_function("submit", nargs)) return nullptr;
  PyObject* const future = submit_call(object, {args, nargs, kwnames}, 0);
  if (future) note_executor(*self_of(object).state, future);
  return future;
}

PyObject* submit_and_wait(PyObject* object, const Call& call, double timeout) {
  PoolObject& self = self_of(object);
  return translated(*self.state, [&]() -> PyObject* {
    if (!require_open(self)) return nullptr;
    const auto task = make_task(self, call, timeout);
    if (!task || !submit_task(self, *task)) return nullptr;
    core::Completion completion(*task);
    if (completion.try_() == Status::pending) {
      const Blocked blocked = block_on(*self.state, completion, core::Deadline::never());
      if (blocked.raised || blocked.status != Status::ok) {
        // Nobody else knows the task.
        (void)task->cancel_and_interrupt();
        if (!blocked.raised) (void)raise_common(*self.state, blocked.status);
        return nullptr;
      }
    }
    return take_result(*self.state, *task);
  });
}

PyObject* run(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (!require_callable("run", args, nargs)) return nullptr;
  return submit_and_wait(object, {args, nargs, kwnames}, 0);
}

/// _run_limited(timeout, function, /, *args, **kwargs)
PyObject* run_limited(PyObject* object, PyObject* const* args, Py_ssize_t nargs,
                      PyObject* kwnames) {
  double limit = 0;
  if (!take_limit(args, nargs, limit) || !require_callable("run", args, nargs)) return nullptr;
  return submit_and_wait(object, {args, nargs, kwnames}, limit);
}

/// `calls` could not be sent. If there is one only, the error becomes that of submit(), which names
/// the argument. Returns null.
PyObject* raise_as_of_call(transfer::Context& context, transfer::Mode mode, PyObject* function,
                           PyObject* calls) {
  if (PyList_GET_SIZE(calls) != 1 || !PyErr_ExceptionMatches(context.not_shareable_error())) {
    return nullptr;
  }
  const py::Ref arguments = py::Ref::borrow(PyList_GET_ITEM(calls, 0));
  if (!PyTuple_CheckExact(arguments.get())) return nullptr;
  PyObject* const error = PyErr_GetRaisedException();
  const Py_ssize_t count = PyTuple_GET_SIZE(arguments.get());
  std::vector<PyObject*> places(1, function);
  for (Py_ssize_t i = 0; i < count; ++i) places.push_back(PyTuple_GET_ITEM(arguments.get(), i));
  core::Message probe;
  if (py::failed(transfer::encode_call(context, function, places.data() + 1, count, nullptr, probe,
                                       mode))) {
    Py_DECREF(error);
  } else {
    PyErr_SetRaisedException(error);
  }
  return nullptr;
}

constexpr const char* map_names[] = {"function", "calls", "timeout", "completions", "tag"};
constexpr Signature map_signature = {"_submit_map", map_names, 5, 5, 2};

/// `calls`: a list of tuples. A future for its results; see _take_results().
PyObject* submit_map(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* given[5];
  if (!parse_fast(map_signature, args, nargs, kwnames, given)) return nullptr;
  double timeout = 0;
  if (given[2] && given[2] != Py_None && !parse_seconds(given[2], "timeout", timeout)) {
    return nullptr;
  }
  if (!PyList_CheckExact(given[1])) {
    PyErr_SetString(PyExc_TypeError, "calls must be a list of tuples");
    return nullptr;
  }
  const std::int64_t tag = given[4] ? PyLong_AsLongLong(given[4]) : 0;
  if (tag == -1 && PyErr_Occurred()) return nullptr;
  PoolObject& self = self_of(object);
  return translated(*self.state, [&]() -> PyObject* {
    if (!require_open(self)) return nullptr;
    transfer::Context* const context = self.state->context();
    const py::Ref pair = py::Ref::steal(context ? PyTuple_Pack(2, given[0], given[1]) : nullptr);
    core::Message message;
    if (!pair) return nullptr;
    if (py::failed(transfer::encode(*context, pair.get(), self.mode, message))) {
      return raise_as_of_call(*context, self.mode, given[0], given[1]);
    }
    const std::size_t input_bytes = message.own_bytes();
    const auto task = Handle<MapTask>::make(std::move(message), timeout, self.mode);
    task->tag = tag;
    task->input_bytes = input_bytes;
    task->set_label(label_of(given[0]));
    if (given[3] && given[3] != Py_None) {
      core::ObjectQueue<core::Task> sink = queue_of_completions(*self.state, given[3]);
      if (!sink) return nullptr;
      task->report_to(std::move(sink));
    }
    py::Ref future = make_future(*self.state, task);
    return future && submit_task(self, *task) ? future.release() : nullptr;
  });
}

// --- ending --------------------------------------------------------------------------------------

/// Null with a Python error set. `interpreter`: on whose behalf; that of nobody waits also while
/// this one is being closed.
PyObject* wait_until_ended(const State& state, Pool& pool, core::Deadline deadline,
                           core::InterpreterId interpreter) {
  if (pool.is_own_thread()) {
    PyErr_SetString(PyExc_RuntimeError,
                    "a thread of the pool cannot wait for the end of the pool: it would wait for "
                    "itself");
    return nullptr;
  }
  core::Completion completion(pool.ended());
  if (completion.try_() == Status::pending) {
    core::Operation* const operations[] = {&completion};
    core::Wait wait(operations, {deadline, interpreter}, core::Order::given);
    const BlockedOnAny blocked = block_on_any(wait, nullptr);
    if (blocked.raised) return nullptr;
    const Status status = blocked.selected.status;
    if (status != Status::ok && status != Status::timed_out) {
      (void)raise_common(state, status);
      return nullptr;
    }
  }
  Py_RETURN_NONE;
}

/// As threading.Thread.join(): returns when the time is over, too.
PyObject* join(PyObject* object, PyObject* timeout) {
  Timeout parsed;
  if (!parse_timeout(timeout, parsed)) return nullptr;
  const PoolObject& self = self_of(object);
  const Handle<Pool> pool = self.pool;
  return wait_until_ended(*self.state, *pool, parsed.deadline(), self.state->self->id());
}

constexpr const char* shutdown_names[] = {"wait", "cancel_futures"};
constexpr Signature shutdown_signature = {"shutdown", shutdown_names, 2, 1, 0};

PyObject* shutdown(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* given[2];
  if (!parse_fast(shutdown_signature, args, nargs, kwnames, given)) return nullptr;
  const int wait = given[0] ? PyObject_IsTrue(given[0]) : 1;
  const int cancel = given[1] ? PyObject_IsTrue(given[1]) : 0;
  if (wait < 0 || cancel < 0) return nullptr;
  const PoolObject& self = self_of(object);
  const Handle<Pool> pool = self.pool;
  pool->shut_down(cancel != 0);
  if (wait == 0) Py_RETURN_NONE;
  return wait_until_ended(*self.state, *pool, core::Deadline::never(), self.state->self->id());
}

PyObject* stop(PyObject* object, PyObject*) {
  const Handle<Pool> pool = self_of(object).pool;
  pool->interrupt_all();
  Py_RETURN_NONE;
}

/// Waits for the end of the interpreter's pools. False with a Python error set.
bool wait_for_pools(const State& state, core::Deadline deadline) {
  for (const auto& pool : runtime::PoolList::instance().of(*state.self)) {
    const py::Ref done =
        py::Ref::steal(wait_until_ended(state, *pool, deadline, core::no_interpreter));
    if (!done) return false;
  }
  return true;
}

/// _end_pools(stop): at the exit of the interpreter. What was submitted is executed; with
/// `stop`, or after Ctrl-C meanwhile, what runs is told to stop and gets a moment for that.
PyObject* end_pools(PyObject* module, PyObject* stop) {
  State& state = state_of(module);
  const int is_stopped = PyObject_IsTrue(stop);
  if (is_stopped < 0) return nullptr;
  pools_of(state).are_over = true;
  const auto pools = runtime::PoolList::instance().of(*state.self);
  for (const auto& pool : pools) is_stopped ? pool->interrupt_all() : pool->shut_down(false);
  // The main interpreter has stopped what it could, and no thread gets into this one any more.
  if (runtime::lifecycle::is_exiting()) Py_RETURN_NONE;
  const auto patience = [] { return core::Deadline::after(0.5); };
  if (wait_for_pools(state, is_stopped ? patience() : core::Deadline::never())) Py_RETURN_NONE;
  if (is_stopped) return nullptr;
  PyObject* const error = PyErr_GetRaisedException();
  for (const auto& pool : pools) pool->interrupt_all();
  if (!wait_for_pools(state, patience())) PyErr_Clear();
  PyErr_SetRaisedException(error);
  return nullptr;
}

// --- looking -------------------------------------------------------------------------------------

PyObject* stats(PyObject* object, PyObject*) {
  const Pool::Stats now = self_of(object).pool->stats();
  return Py_BuildValue(
      "{sKsKsKsKsKsKsnsnsnsnsn}", "submitted", now.submitted, "finished", now.finished, "failed",
      now.failed, "cancelled", now.cancelled, "timed_out", now.timed_out, "recycled", now.recycled,
      "waiting", static_cast<Py_ssize_t>(now.waiting), "running",
      static_cast<Py_ssize_t>(now.running), "workers", static_cast<Py_ssize_t>(now.workers),
      "interpreters", static_cast<Py_ssize_t>(now.interpreters), "spares",
      static_cast<Py_ssize_t>(now.spares));
}

/// _running(): what the tasks call that workers are at.
PyObject* running(PyObject* object, PyObject*) {
  const PoolObject& self = self_of(object);
  return translated(*self.state, [&]() -> PyObject* {
    py::Ref names = py::Ref::steal(PyList_New(0));
    for (const std::string& label : self.pool->running_labels()) {
      const py::Ref name = py::Ref::steal(
          PyUnicode_DecodeUTF8(label.data(), static_cast<Py_ssize_t>(label.size()), "replace"));
      if (!names || !name || PyList_Append(names.get(), name.get()) != 0) return nullptr;
    }
    return names.release();
  });
}

PyObject* failure(PyObject* object, PyObject*) {
  const PoolObject& self = self_of(object);
  if (!self.pool->broken().is_over()) Py_RETURN_NONE;
  py::Ref error = failure_of(*self.state, *self.pool);
  if (!error && !PyErr_Occurred()) Py_RETURN_NONE;
  return error.release();
}

PyObject* take(PyObject* object, PyObject*) {
  const PoolObject& self = self_of(object);
  return translated(*self.state, [&]() -> PyObject* {
    if (!require_open(self)) return nullptr;
    const Handle<Pool> pool = self.pool;
    const runtime::InterpreterHandle taken = pool->take_interpreter();
    return taken ? PyLong_FromLongLong(taken->id()) : raise_pool_broken(*self.state, *pool);
  });
}

/// _on_broken(callback, argument): to be called, once, before the pool's tasks fail.
PyObject* on_broken(PyObject* object, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 2) {
    PyErr_SetString(PyExc_TypeError, "_on_broken() takes a callback and its argument");
    return nullptr;
  }
  PoolObject& self = self_of(object);
  return translated(*self.state, [&] {
    if (self.on_broken) self.on_broken->cancel();
    self.on_broken = Handle<BreakListener>::make(*self.state, args[0], args[1]);
    if (!self.pool->broken().listen(self.on_broken)) self.on_broken->cancel();
    return Py_NewRef(Py_None);
  });
}

PyObject* get_max_workers(PyObject* object, void*) {
  return PyLong_FromSize_t(self_of(object).pool->max_workers());
}

PyObject* get_interpreters(PyObject* object, void*) {
  return PyLong_FromSize_t(self_of(object).pool->options().interpreters);
}

PyObject* get_workers(PyObject* object, void*) {
  return PyLong_FromSize_t(self_of(object).pool->workers());
}

PyObject* get_closed(PyObject* object, void*) {
  return PyBool_FromLong(self_of(object).pool->is_shut_down());
}

PyObject* get_ended(PyObject* object, void*) {
  return PyBool_FromLong(self_of(object).pool->ended().is_over());
}

PyObject* get_broken(PyObject* object, void*) {
  return PyBool_FromLong(self_of(object).pool->broken().is_over());
}

PyMethodDef methods[] = {
    {"submit", as_method(submit), METH_FASTCALL | METH_KEYWORDS,
     "submit($self, function, /, *args, **kwargs)\n--\n\n"
     "Have function(*args, **kwargs) called in one of the pool's interpreters; return a Future.\n\n"
     "A function or an argument that cannot be sent makes the future fail with NotShareableError.\n"
     "Raises RuntimeError after shutdown(), BrokenInterpreterPool when the pool is broken. For a limit\n"
     "on its time see options()."},
    {"_submit", as_method(submit_plain), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_submit_limited", as_method(submit_limited), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"run", as_method(run), METH_FASTCALL | METH_KEYWORDS,
     "run($self, function, /, *args, **kwargs)\n--\n\n"
     "Call function(*args, **kwargs) in one of the pool's interpreters and return its result.\n\n"
     "As submit(...).result(); what ends the wait, such as Ctrl-C, stops the call as well."},
    {"_run_limited", as_method(run_limited), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_submit_map", as_method(submit_map), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"shutdown", as_method(shutdown), METH_FASTCALL | METH_KEYWORDS,
     "shutdown($self, /, wait=True, *, cancel_futures=False)\n--\n\n"
     "Take no more tasks; when those that are there are done, close the interpreters.\n\n"
     "Waits for all of that unless wait is False. With cancel_futures, tasks that have not begun are\n"
     "cancelled."},
    {"_join", join, METH_O, nullptr},
    {"_stop", stop, METH_NOARGS, nullptr},
    {"_stats", stats, METH_NOARGS, nullptr},
    {"_running", running, METH_NOARGS, nullptr},
    {"_failure", failure, METH_NOARGS, nullptr},
    {"_on_broken", as_method(on_broken), METH_FASTCALL, nullptr},
    {"_take", take, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"interpreters", get_interpreters, nullptr, "How many interpreters it has at most.", nullptr},
    {"_max_workers", get_max_workers, nullptr, nullptr, nullptr},
    {"_workers", get_workers, nullptr, nullptr, nullptr},
    {"_ended", get_ended, nullptr, nullptr, nullptr},
    {"closed", get_closed, nullptr, "Whether shutdown() was called.", nullptr},
    {"broken", get_broken, nullptr,
     "Whether an interpreter could not be made or set up: the pool takes no tasks then.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(PoolObject, weakrefs), Py_READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc, const_cast<char*>("The native half of atoll.Pool.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll._atoll.Pool",
    sizeof(PoolObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

/// _register_futures(Future, settle, CancelledError, BrokenInterpreterPool): the classes that
/// atoll._futures has made.
PyObject* register_futures(PyObject* module, PyObject* const* args, Py_ssize_t nargs) {
  PoolsPart& part = pools_of(state_of(module));
  const bool is_right =
      nargs == 4 && PyType_Check(args[0]) && part.native_future_type &&
      PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(args[0]), part.native_future_type) &&
      PyCallable_Check(args[1]) && PyExceptionClass_Check(args[2]) &&
      PyExceptionClass_Check(args[3]);
  if (!is_right) {
    PyErr_SetString(PyExc_TypeError,
                    "_register_futures() takes a Future class, a function and two exceptions");
    return nullptr;
  }
  Py_XSETREF(part.future_type, reinterpret_cast<PyTypeObject*>(Py_NewRef(args[0])));
  Py_XSETREF(part.settle_future, Py_NewRef(args[1]));
  Py_XSETREF(part.cancelled_error, Py_NewRef(args[2]));
  Py_XSETREF(part.broken_pool, Py_NewRef(args[3]));
  Py_RETURN_NONE;
}

/// _keep_output(stream, text): whether the calling thread is at a task that keeps it.
PyObject* keep_output(PyObject* module, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 2 || !PyUnicode_Check(args[1])) {
    PyErr_SetString(PyExc_TypeError, "_keep_output() takes a number and a str");
    return nullptr;
  }
  const Py_ssize_t stream = PyLong_AsSsize_t(args[0]);
  if (stream == -1 && PyErr_Occurred()) return nullptr;
  return translated(state_of(module), [&]() -> PyObject* {
    const py::Ref bytes =
        py::Ref::steal(PyUnicode_AsEncodedString(args[1], "utf-8", "surrogatepass"));
    if (!bytes) return nullptr;
    const std::string_view text(PyBytes_AS_STRING(bytes.get()),
                                static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
    return PyBool_FromLong(runtime::keep_output(stream == 0 ? 0 : 1, text));
  });
}

PyMethodDef functions[] = {
    {"_keep_output", as_method(keep_output), METH_FASTCALL, nullptr},
    {"_make_future_type", make_native_future_type, METH_O, nullptr},
    {"_register_futures", as_method(register_futures), METH_FASTCALL, nullptr},
    {"_end_pools", end_pools, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

/// TaskTimedOut, which pickle finds in the package.
py::Status add_timed_out(PyObject* module, PyObject*& out) {
  return add_exception(
      module, "atoll", "TaskTimedOut",
      "A task was stopped: it has run for longer than it may.\n\n"
      "A TimeoutError that is none of these means that the task was not over in time, and goes on.",
      PyExc_TimeoutError, out);
}

py::Status intern(const char* text, PyObject*& out) {
  out = PyUnicode_InternFromString(text);
  return out ? py::Status::ok : py::Status::error;
}

}  // namespace

py::Status add_pools(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_part<PoolsPart>(state))) return py::Status::error;
  PoolsPart& part = pools_of(state);
  if (py::failed(intern("_kept_result", part.kept_result)) ||
      py::failed(intern("_kept_exception", part.kept_exception))) {
    return py::Status::error;
  }
  part.pool_type =
      reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  part.completions_type = make_completions_type(module);
  if (!part.pool_type || !part.completions_type || PyModule_AddType(module, part.pool_type) != 0 ||
      PyModule_AddObjectRef(module, "_Completions",
                            reinterpret_cast<PyObject*>(part.completions_type)) != 0 ||
      PyModule_AddObjectRef(module, "TaskInterrupted", state.context()->task_interrupted()) != 0 ||
      py::failed(add_timed_out(module, part.task_timed_out)) ||
      PyModule_AddFunctions(module, functions) != 0) {
    return py::Status::error;
  }
  return py::Status::ok;
}

}  // namespace libatoll::bindings
