#include "pools/future_type.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "interpreters/part.hpp"
#include "pools/part.hpp"
#include "runtime/pool/pool.hpp"
#include "support/fast_arguments.hpp"
#include "support/owner_callback.hpp"
#include "support/wait.hpp"
#include "transfer/exceptions/exception.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {

namespace {

using core::Handle;
using core::Status;
using core::Task;
using runtime::Outcome;
using runtime::PoolTask;

/// The native part of a future. Python objects are kept in the instance's dict, where the collector
/// sees them: the result under PoolsPart::kept_result, the exception under kept_exception.
struct FutureData {
  Handle<PoolTask> task;
  State* state = nullptr;
  /// Of a watched future: is over when concurrent.futures' waiters have been told, and its
  /// callbacks are next. Null if it is not watched.
  Handle<runtime::Event> settled;
  /// cancel() without an argument reaches a task that runs: asyncio hands a cancellation on by it.
  bool cancel_interrupts = false;
  bool is_of_executor = false;
};

FutureData& data_of(const State& state, PyObject* object) {
  return *static_cast<FutureData*>(
      PyObject_GetTypeData(object, pools_of(state).native_future_type));
}

/// For methods: `self` is of the type or of a subclass, whose module knows.
FutureData& self_of(PyObject* object) {
  State* const state = state_of_type(Py_TYPE(object));
  return data_of(*state, object);
}

// --- outcomes ------------------------------------------------------------------------------------

/// ExecutionFailed(snapshot), or empty with an error set.
py::Ref make_execution_failed(const State& state, transfer::Context& context,
                              const transfer::ExceptionSnapshot& snapshot) {
  const py::Ref excinfo = transfer::to_namespace(context, snapshot);
  PyObject* const registered = interpreters_of(state).execution_failed;
  PyObject* const type = registered ? registered : state.interpreter_error;
  return excinfo ? py::Ref::steal(PyObject_CallOneArg(type, excinfo.get())) : py::Ref();
}

/// The exception of a call as it was, or ExecutionFailed where it cannot be that.
void raise_snapshot(const State& state, transfer::Context& context,
                    const transfer::ExceptionSnapshot& snapshot) {
  py::Ref wrapper = make_execution_failed(state, context, snapshot);
  if (!wrapper) return;
  py::Ref original = transfer::rebuild(context, snapshot, wrapper.get());
  if (original && PyObject_SetAttrString(wrapper.get(), "_is_cause", Py_True) < 0) PyErr_Clear();
  PyErr_SetRaisedException((original ? original : wrapper).release());
}

PyObject* raise_timed_out(const State& state, const PoolTask& task) {
  const py::Ref seconds = py::Ref::steal(PyFloat_FromDouble(task.timeout()));
  if (seconds) {
    PyErr_Format(pools_of(state).task_timed_out,
                 "the task was stopped: it has run for more than %S s", seconds.get());
  }
  return nullptr;
}

bool keep(PyObject* future, PyObject* name, PyObject* value) {
  return PyObject_SetAttr(future, name, value) == 0;
}

/// What was kept under `name`; empty without an error if nothing was.
py::Ref kept(PyObject* future, PyObject* name) {
  PyObject* const found = PyObject_GetAttr(future, name);
  if (!found && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
  return py::Ref::steal(found);
}

/// The result or the exception of a future that is over: taken out of the task once, kept then. One
/// of the two is empty; both are, with an error set, if it could not be kept or was cancelled.
struct Ended {
  py::Ref result;
  py::Ref exception;
};

Ended ended(State& state, PyObject* object) {
  Ended out;
  FutureData& self = data_of(state, object);
  const PoolsPart& part = pools_of(state);
  if ((out.result = kept(object, part.kept_result)) || PyErr_Occurred()) return out;
  if ((out.exception = kept(object, part.kept_exception)) || PyErr_Occurred()) return out;
  if (self.task && self.task->state() == Task::State::cancelled) {
    PyErr_SetNone(part.cancelled_error);
    return out;
  }
  py::Ref result = py::Ref::steal(
      self.task ? take_result(state, *self.task)
                : (PyErr_SetString(PyExc_RuntimeError, "this future has no task"), nullptr));
  if (result) {
    if (keep(object, part.kept_result, result.get())) out.result = std::move(result);
    return out;
  }
  py::Ref exception = py::Ref::steal(PyErr_GetRaisedException());
  if (keep(object, part.kept_exception, exception.get())) out.exception = std::move(exception);
  return out;
}

PyObject* raise_kept(py::Ref exception) {
  PyErr_SetRaisedException(exception.release());
  return nullptr;
}

// --- waiting -------------------------------------------------------------------------------------

constexpr const char* timeout_names[] = {"timeout"};
constexpr Signature result_signature = {"result", timeout_names, 1, 1, 0};
constexpr Signature wait_signature = {"_wait", timeout_names, 1, 1, 0};
constexpr Signature exception_signature = {"exception", timeout_names, 1, 1, 0};

/// Waits until the future is over. False with a Python error set.
bool wait_until_over(FutureData& self, const Signature& signature, PyObject* const* args,
                     Py_ssize_t nargs, PyObject* kwnames) {
  Timeout timeout;
  if (nargs != 0 || kwnames) {
    PyObject* given[1];
    if (!parse_fast(signature, args, nargs, kwnames, given)) return false;
    if (given[0] && given[0] != Py_None) {
      timeout.given = true;
      if (!parse_number(given[0], "timeout", timeout.seconds)) return false;
      // As concurrent.futures has it, a time that is over is no error.
      timeout.seconds = std::max(timeout.seconds, 0.0);
    }
  }
  if (!self.task) return true;
  // Whoever waits for a watched future goes on while its callbacks run in another thread, which has
  // the GIL at first: they see what short ones have done. So it is with CPython's own futures.
  const Handle<Task> awaited = self.settled ? Handle<Task>(self.settled) : Handle<Task>(self.task);
  if (awaited->is_over()) return true;
  core::Completion completion(*awaited);
  const Blocked blocked = timeout.is_zero() ? Blocked{Status::timed_out}
                                            : block_on(*self.state, completion, timeout.deadline());
  if (blocked.raised) return false;
  if (blocked.status == Status::ok) return true;
  if (blocked.status == Status::timed_out) {
    PyErr_SetNone(PyExc_TimeoutError);
  } else {
    (void)raise_common(*self.state, blocked.status);
  }
  return false;
}

PyObject* result(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  FutureData& self = self_of(object);
  if (!wait_until_over(self, result_signature, args, nargs, kwnames)) return nullptr;
  return future_result(*self.state, object);
}

PyObject* exception(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  FutureData& self = self_of(object);
  if (!wait_until_over(self, exception_signature, args, nargs, kwnames)) return nullptr;
  Ended end = ended(*self.state, object);
  if (end.exception) return end.exception.release();
  return end.result ? Py_NewRef(Py_None) : nullptr;
}

PyObject* wait(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (!wait_until_over(self_of(object), wait_signature, args, nargs, kwnames)) return nullptr;
  Py_RETURN_NONE;
}

// --- looking, cancelling -------------------------------------------------------------------------

Task::State state_of_task(const FutureData& self) {
  return self.task ? self.task->state() : Task::State::finished;
}

/// What is shown: a watched future changes when it is settled, not before. wait() and
/// as_completed() count on that.
Task::State state_of(const FutureData& self) {
  const Task::State state = state_of_task(self);
  const bool is_settling =
      state >= Task::State::settling && self.settled && !self.settled->is_over();
  return is_settling ? Task::State::running : state;
}

PyObject* done(PyObject* object, PyObject*) {
  return PyBool_FromLong(state_of(self_of(object)) >= Task::State::finished);
}

PyObject* cancelled(PyObject* object, PyObject*) {
  return PyBool_FromLong(state_of(self_of(object)) == Task::State::cancelled);
}

PyObject* running(PyObject* object, PyObject*) {
  const Task::State state = state_of(self_of(object));
  return PyBool_FromLong(state == Task::State::running || state == Task::State::settling);
}

constexpr const char* cancel_names[] = {"interrupt"};
constexpr Signature cancel_signature = {"cancel", cancel_names, 1, 0, 0};

PyObject* cancel(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* given[1];
  if (!parse_fast(cancel_signature, args, nargs, kwnames, given)) return nullptr;
  const FutureData& self = self_of(object);
  const bool is_given = given[0] && given[0] != Py_None;
  const int interrupt = is_given ? PyObject_IsTrue(given[0]) : self.cancel_interrupts;
  if (interrupt < 0) return nullptr;
  if (!self.task) Py_RETURN_FALSE;
  const Handle<PoolTask> task = self.task;
  if (interrupt ? task->cancel_and_interrupt() : task->cancel(Task::Reach::pending)) Py_RETURN_TRUE;
  if (interrupt) task->interrupt_again();
  return PyBool_FromLong(task->state() == Task::State::cancelled);
}

PyObject* repr(PyObject* object) {
  const FutureData& self = self_of(object);
  const char* shown = "finished";
  switch (state_of(self)) {
    case Task::State::pending:
      shown = "pending";
      break;
    case Task::State::running:
    case Task::State::settling:
      shown = "running";
      break;
    case Task::State::cancelled:
      shown = "cancelled";
      break;
    case Task::State::timed_out:
      shown = "timed out";
      break;
    case Task::State::finished:
      break;
  }
  return PyUnicode_FromFormat("<atoll.Future at %p, %s>", object, shown);
}

// --- what concurrent.futures looks at ------------------------------------------------------------

/// One of the words of concurrent.futures._base.
PyObject* get_state(PyObject* object, void*) {
  switch (state_of(self_of(object))) {
    case Task::State::pending:
      return PyUnicode_InternFromString("PENDING");
    case Task::State::running:
    case Task::State::settling:
      return PyUnicode_InternFromString("RUNNING");
    case Task::State::cancelled:
      return PyUnicode_InternFromString("CANCELLED_AND_NOTIFIED");
    default:
      return PyUnicode_InternFromString("FINISHED");
  }
}

PyObject* get_result(PyObject* object, void*) {
  FutureData& self = self_of(object);
  if (state_of_task(self) < Task::State::finished) Py_RETURN_NONE;
  Ended end = ended(*self.state, object);
  if (end.result) return end.result.release();
  if (!end.exception) PyErr_Clear();
  Py_RETURN_NONE;
}

PyObject* get_exception(PyObject* object, void*) {
  FutureData& self = self_of(object);
  if (state_of_task(self) < Task::State::finished) Py_RETURN_NONE;
  Ended end = ended(*self.state, object);
  if (end.exception) return end.exception.release();
  if (!end.result) PyErr_Clear();
  Py_RETURN_NONE;
}

/// Settles a watched future when its task is over.
class Watcher final : public Task::Listener {
 public:
  Watcher(const State& state, PyObject* future, Handle<runtime::Event> settled) noexcept
      : call_(state, pools_of(state).settle_future, future), settled_(std::move(settled)) {}
  void task_over() noexcept override {
    call_.make();
    // Nobody waits in vain if the call could not be made.
    settled_->set();
  }
  void cancel() noexcept { call_.cancel(); }

 private:
  OwnerCallback call_;
  const Handle<runtime::Event> settled_;
};

/// True if the future will be settled when its task is over; False: it is over already.
PyObject* watch(PyObject* object, PyObject*) {
  FutureData& self = self_of(object);
  if (self.settled || !self.task || self.task->is_over()) {
    return PyBool_FromLong(self.settled && !self.settled->is_over());
  }
  return translated(*self.state, [&] {
    auto settled = Handle<runtime::Event>::make();
    const auto watcher = Handle<Watcher>::make(*self.state, object, settled);
    self.settled = std::move(settled);
    if (self.task->listen(watcher)) Py_RETURN_TRUE;
    // It was over first.
    self.settled = nullptr;
    watcher->cancel();
    Py_RETURN_FALSE;
  });
}

PyObject* settle(PyObject* object, PyObject*) {
  if (const Handle<runtime::Event> settled = self_of(object).settled) settled->set();
  Py_RETURN_NONE;
}

/// asyncio.wrap_future() waits for it: cancel() is how it hands a cancellation on. Those of the
/// executor do as the standard library's.
PyObject* let_cancel_interrupt(PyObject* object, PyObject*) {
  FutureData& self = self_of(object);
  self.cancel_interrupts = !self.is_of_executor;
  Py_RETURN_NONE;
}

// --- maps ----------------------------------------------------------------------------------------

/// Of a MapTask that is over: (results, exception or None); raises what is no matter of one call.
PyObject* take_results(PyObject* object, PyObject*) {
  FutureData& self = self_of(object);
  State& state = *self.state;
  if (!self.task || self.task->state() != Task::State::finished || self.task->was_refused() ||
      self.task->result().value.bytes().empty()) {
    return future_result(state, object);
  }
  transfer::Context* const context = state.context();
  if (!context) return nullptr;
  runtime::RunResult& result = self.task->result();
  const py::Ref values = transfer::decode(*context, std::move(result.value));
  if (!values) return nullptr;
  py::Ref error = py::Ref::borrow(Py_None);
  if (result.outcome != Outcome::returned) {
    result.value.reset();
    (void)take_result(state, *self.task);
    error = py::Ref::steal(PyErr_GetRaisedException());
  }
  return PyTuple_Pack(2, values.get(), error.get());
}

/// _output(stream): what the task has printed so far, or None.
PyObject* get_output(PyObject* object, PyObject* stream) {
  const FutureData& self = self_of(object);
  const Py_ssize_t index = PyLong_AsSsize_t(stream);
  if (index == -1 && PyErr_Occurred()) return nullptr;
  runtime::TaskOutput* const output = self.task ? self.task->output() : nullptr;
  if (!output || index < 0 || static_cast<std::size_t>(index) >= output->streams.size()) {
    Py_RETURN_NONE;
  }
  return translated(*self.state, [&] {
    std::string text;
    {
      const core::LockGuard guard(output->lock);
      text = output->streams[static_cast<std::size_t>(index)];
    }
    return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogatepass");
  });
}

PyObject* get_seconds(PyObject* object, void*) {
  const FutureData& self = self_of(object);
  const bool is_known = self.task && self.task->state() == Task::State::finished;
  return PyFloat_FromDouble(is_known ? static_cast<double>(self.task->nanoseconds()) * 1e-9 : 0.0);
}

/// How much memory its arguments took on their way.
PyObject* get_input_bytes(PyObject* object, void*) {
  const FutureData& self = self_of(object);
  return PyLong_FromSize_t(self.task ? self.task->input_bytes : 0);
}

/// How much its result takes, until it is taken out.
PyObject* get_result_bytes(PyObject* object, void*) {
  const FutureData& self = self_of(object);
  const bool is_known = self.task && self.task->state() == Task::State::finished;
  return PyLong_FromSize_t(is_known ? self.task->result().value.own_bytes() : 0);
}

void finalize(PyObject* object) {
  // The type's own, or that of the Python class made of it.
  State* const state = state_of_type(Py_TYPE(object));
  if (!state) {
    PyErr_Clear();
    return;
  }
  FutureData& self = data_of(*state, object);
  self.task = nullptr;
  self.settled = nullptr;
}

PyMethodDef methods[] = {
    {"result", as_method(result), METH_FASTCALL | METH_KEYWORDS,
     "result($self, /, timeout=None)\n--\n\n"
     "Wait for the task and return its result, or raise what it raised.\n\n"
     "Raises TimeoutError if it is not done in so many seconds (a fraction counts), TaskTimedOut if\n"
     "it was stopped for running too long, CancelledError if it was cancelled. An exception arrives as\n"
     "it was raised, with the traceback of the other interpreter as cause; one that cannot be sent as\n"
     "ExecutionFailed."},
    {"exception", as_method(exception), METH_FASTCALL | METH_KEYWORDS,
     "exception($self, /, timeout=None)\n--\n\n"
     "Wait for the task and return what it raised, or None. As result() otherwise."},
    {"cancel", as_method(cancel), METH_FASTCALL | METH_KEYWORDS,
     "cancel($self, /, *, interrupt=None)\n--\n\n"
     "Cancel the task and return True; False if that is too late.\n\n"
     "A task that runs is cancelled only with interrupt=True; by default, too, when it is the future\n"
     "of a pool that asyncio.wrap_future() waits for. The future is cancelled at once; the code is\n"
     "told to stop by TaskInterrupted, which is raised in it at its next byte code or in its wait in\n"
     "atoll. A call into C that blocks ends first. Code that has caught the exception, and goes on,\n"
     "is told again by another cancel(interrupt=True)."},
    {"cancelled", cancelled, METH_NOARGS,
     "cancelled($self, /)\n--\n\nReturn whether the task was cancelled."},
    {"running", running, METH_NOARGS,
     "running($self, /)\n--\n\nReturn whether the task is being carried out."},
    {"done", done, METH_NOARGS,
     "done($self, /)\n--\n\nReturn whether the task is over: finished, cancelled or timed out."},
    {"_wait", as_method(wait), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_watch", watch, METH_NOARGS, nullptr},
    {"_settle", settle, METH_NOARGS, nullptr},
    {"_let_cancel_interrupt", let_cancel_interrupt, METH_NOARGS, nullptr},
    {"_output", get_output, METH_O, nullptr},
    {"_take_results", take_results, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"_state", get_state, nullptr, nullptr, nullptr},
    {"_result", get_result, nullptr, nullptr, nullptr},
    {"_exception", get_exception, nullptr, nullptr, nullptr},
    {"_seconds", get_seconds, nullptr, nullptr, nullptr},
    {"_input_bytes", get_input_bytes, nullptr, nullptr, nullptr},
    {"_result_bytes", get_result_bytes, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

// No dealloc of its own: that of the Python classes below and above it calls the finalizer.
PyType_Slot slots[] = {
    {Py_tp_finalize, reinterpret_cast<void*>(finalize)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_doc, const_cast<char*>("The native half of atoll.Future.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll._atoll.Future",
    -static_cast<int>(sizeof(FutureData)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    slots,
};

}  // namespace

PyObject* make_native_future_type(PyObject* module, PyObject* base) {
  PyTypeObject*& type = pools_of(state_of(module)).native_future_type;
  if (!PyType_Check(base)) {
    PyErr_SetString(PyExc_TypeError, "expected the class concurrent.futures.Future");
    return nullptr;
  }
  if (!type) type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, base));
  return Py_XNewRef(reinterpret_cast<PyObject*>(type));
}

py::Ref make_future(State& state, Handle<PoolTask> task, PyObject* failure) {
  PyTypeObject* const type = pools_of(state).future_type;
  py::Ref object = py::Ref::steal(type->tp_alloc(type, 0));
  if (!object) return {};
  auto* const self = new (&data_of(state, object.get())) FutureData;
  self->task = std::move(task);
  self->state = &state;
  if (failure && !keep(object.get(), pools_of(state).kept_exception, failure)) return {};
  return object;
}

void note_executor(const State& state, PyObject* future) noexcept {
  data_of(state, future).is_of_executor = true;
}

bool is_future(const State& state, PyObject* object) noexcept {
  PyTypeObject* const type = pools_of(state).native_future_type;
  return type && PyObject_TypeCheck(object, type);
}

PoolTask* task_behind(const State& state, PyObject* future) noexcept {
  return data_of(state, future).task.get();
}

PyObject* future_result(State& state, PyObject* future) {
  Ended end = ended(state, future);
  if (end.result) return end.result.release();
  return end.exception ? raise_kept(std::move(end.exception)) : nullptr;
}

PyObject* take_result(State& state, PoolTask& task) {
  transfer::Context* const context = state.context();
  if (!context) return nullptr;
  if (task.state() == Task::State::timed_out) return raise_timed_out(state, task);
  if (task.state() == Task::State::cancelled) {
    PyErr_SetNone(pools_of(state).cancelled_error);
    return nullptr;
  }
  if (task.was_refused()) return raise_pool_broken(state, *task.pool());
  runtime::RunResult& result = task.result();
  switch (result.outcome) {
    case Outcome::returned:
      return transfer::decode(*context, std::move(result.value)).release();
    case Outcome::raised:
      raise_snapshot(state, *context, *result.exception);
      return nullptr;
    case Outcome::not_shareable:
      raise_not_shareable(*context, *result.exception);
      return nullptr;
  }
  return nullptr;
}

py::Ref failure_of(State& state, const runtime::Pool& pool) {
  transfer::Context* const context = state.context();
  const runtime::RunResult& why = pool.failure();
  if (!context || !why.exception) return {};
  if (why.outcome == Outcome::not_shareable) {
    raise_not_shareable(*context, *why.exception);
    return py::Ref::steal(PyErr_GetRaisedException());
  }
  return make_execution_failed(state, *context, *why.exception);
}

PyObject* raise_pool_broken(State& state, const runtime::Pool& pool) {
  py::Ref cause = failure_of(state, pool);
  PyErr_Clear();
  const runtime::RunResult& why = pool.failure();
  PyErr_Format(pools_of(state).broken_pool,
               "the pool is broken: an interpreter could not be made, or its set-up failed: %s",
               why.exception ? why.exception->formatted.c_str() : "for a reason that is not known");
  if (!cause) return nullptr;
  PyObject* const error = PyErr_GetRaisedException();
  PyException_SetCause(error, cause.release());
  PyErr_SetRaisedException(error);
  return nullptr;
}

}  // namespace libatoll::bindings
