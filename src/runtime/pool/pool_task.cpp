#include "runtime/pool/pool_task.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "atoll/base/error.hpp"
#include "core/base/threads.hpp"
#include "py/thread_state.hpp"
#include "runtime/pool/pool.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::runtime {

namespace {

/// Of the worker that the calling thread is.
thread_local WorkerRecord* own_record = nullptr;
/// Of the task that the calling thread is at.
thread_local TaskOutput* own_output = nullptr;

/// The span in which a worker is at a task. Inside.
class AtWork {
 public:
  AtWork(WorkerRecord& worker, TaskOutput* output) noexcept {
    own_record = &worker;
    own_output = output;
  }
  ~AtWork() {
    own_record = nullptr;
    own_output = nullptr;
  }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
};

/// A limit on the run of a task, while it lasts.
class Limit {
 public:
  explicit Limit(PoolTask& task) {
    const double seconds = task.timeout();
    if (!(seconds > 0) || std::isinf(seconds)) return;
    entry_ = TimeoutThread::instance().add(task, core::Deadline::after(seconds));
    is_set_ = true;
  }
  ~Limit() {
    if (is_set_) TimeoutThread::instance().remove(entry_);
  }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  bool is_set_ = false;
  TimeoutThread::Entry entry_;
};

/// A task has a copy of its thread's context (contextvars, decimal): what it changes there ends
/// with it. Inside, without a Python error set.
class OwnContext {
 public:
  OwnContext() noexcept : context_(py::Ref::steal(PyContext_CopyCurrent())) {
    if (context_ && PyContext_Enter(context_.get()) != 0) context_ = {};
    PyErr_Clear();  // no memory: it goes without
  }
  ~OwnContext() {
    if (context_ && PyContext_Exit(context_.get()) != 0) PyErr_Clear();
  }
  OwnContext(const OwnContext&) = delete;
  OwnContext& operator=(const OwnContext&) = delete;

 private:
  py::Ref context_;
};

/// What the runtime itself could not do, as a result.
void describe_failure(RunResult& result, const char* type, const char* what) {
  result.outcome = Outcome::raised;
  transfer::ExceptionSnapshot& snapshot = result.exception.emplace();
  snapshot.type_name = snapshot.type_qualname = type;
  snapshot.type_module = "builtins";
  snapshot.message = what;
  snapshot.formatted = std::string(type) + ": " + what;
}

}  // namespace

bool Interruptible::begin() noexcept {
  if (task_.is_over()) {
    transfer::Context* const context = transfer::find_current();
    PyErr_SetNone(context ? context->task_interrupted() : PyExc_KeyboardInterrupt);
    return false;
  }
  own_record->current = &task_;
  task_.note_begin(core::monotonic_now());
  return true;
}

void Interruptible::end() noexcept {
  if (!own_record || !own_record->current) return;
  own_record->current = nullptr;
  own_record->must_raise.store(false, std::memory_order_relaxed);
  if (std::exchange(own_record->is_interrupted, false)) {
    PyThreadState_SetAsyncExc(own_record->thread, nullptr);
  }
}

PoolTask::PoolTask(double timeout) noexcept : timeout_(timeout) {}

PoolTask::~PoolTask() = default;

PoolTask::Ending PoolTask::execute(const core::Handle<WorkerRecord>& worker,
                                   transfer::Context& context) {
  worker_ = worker;
  if (!start()) return Ending::not_begun;
  has_begun_.store(true, std::memory_order_release);
  const std::int64_t begin = core::monotonic_now();
  RunResult result;
  try {
    const AtWork at_work(*worker, output_.get());
    const OwnContext own_context;
    const Limit limit(*this);
    run(context, result);
  } catch (const std::bad_alloc&) {
    describe_failure(result, "MemoryError", "");
  } catch (const std::exception& error) {
    describe_failure(result, "RuntimeError", error.what());
  }
  const std::int64_t end = core::monotonic_now();
  if (!settle()) return Ending::cancelled;
  nanoseconds_ = end - (code_began_ != 0 ? code_began_ : begin);
  result_ = std::move(result);
  return result_.outcome == Outcome::returned ? Ending::returned : Ending::failed;
}

void PoolTask::set_label(std::string_view label) noexcept {
  // A character of several bytes is not cut in two.
  std::size_t size = std::min(label.size(), label_.size() - 1);
  while (size < label.size() && size > 0 && (label[size] & 0xC0) == 0x80) --size;
  label.copy(label_.data(), size);
  label_[size] = 0;
}

bool keep_output(std::size_t stream, std::string_view text) {
  if (!own_output) return false;
  const core::LockGuard guard(own_output->lock);
  own_output->streams[stream].append(text);
  return true;
}

void PoolTask::fail_with_pool() noexcept {
  if (!settle_unstarted()) return;
  drop_arguments();
  was_refused_ = true;
  pool_->counters_.failed.fetch_add(1, std::memory_order_relaxed);
  finish();
}

bool PoolTask::cancel(Reach reach) noexcept {
  const bool is_in_line = Task::cancel(Reach::pending);
  if (!is_in_line && (reach == Reach::pending || !Task::cancel(Reach::running))) return false;
  pool_->counters_.cancelled.fetch_add(1, std::memory_order_relaxed);
  if (is_in_line) {
    drop_arguments();
    pool_->counters_.dropped.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

bool PoolTask::cancel_and_interrupt() noexcept {
  if (cancel(Reach::pending)) return true;
  if (!cancel(Reach::running)) return false;
  core::run_aside([task = core::Handle<PoolTask>::share(this)] { task->interrupt(); });
  return true;
}

void PoolTask::interrupt_again() noexcept {
  if (!has_begun_.load(std::memory_order_acquire)) return;
  core::run_aside([task = core::Handle<PoolTask>::share(this)] { task->interrupt(); });
}

void PoolTask::expire() noexcept {
  if (!time_out()) return;
  pool_->counters_.timed_out.fetch_add(1, std::memory_order_relaxed);
  interrupt();
}

void PoolTask::interrupt() const noexcept {
  try {
    Session session(*worker_->interpreter, Session::Access::pin);
    WorkerRecord& worker = *worker_;
    if (worker.current != this) return;
    transfer::Context* const context = worker_->interpreter->context();
    if (!context) {
      PyErr_Clear();
      return;
    }
    worker.is_interrupted = true;
    worker.must_raise.store(true, std::memory_order_relaxed);
    PyThreadState_SetAsyncExc(worker.thread, context->task_interrupted());
    session.leave();
    if (worker.parker) worker.parker->interrupt();
  } catch (const std::exception&) {
    // The interpreter is closed by now, or there is no memory: nothing to stop, or no means.
  }
}

namespace {

/// CPython raises what PyThreadState_SetAsyncExc() has left between two byte codes, and does not
/// tell whether it has done so: these are a few. False with the error set.
bool pass_byte_code() {
  const py::Ref globals = py::Ref::steal(PyDict_New());
  if (!globals || PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins()) != 0) {
    return false;
  }
  return static_cast<bool>(py::guarded([&] {
    return py::Ref::steal(PyRun_String("None", Py_eval_input, globals.get(), globals.get()));
  }));
}

}  // namespace

bool may_wait_on() noexcept {
  if (!own_record) return true;
  // The code may have met the exception before it came to wait, to clean up for instance.
  if (PyInterpreterState_Get() == own_record->interpreter->state()) {
    return !own_record->is_interrupted || pass_byte_code();
  }
  // The task has called into another interpreter. Its own learns of the interrupt, too, when that
  // call returns.
  if (!own_record->must_raise.exchange(false, std::memory_order_relaxed)) return true;
  transfer::Context* const context = transfer::find_current();
  PyErr_SetNone(context ? context->task_interrupted() : PyExc_KeyboardInterrupt);
  return false;
}

void CallTask::run(transfer::Context& context, RunResult& result) {
  Interruptible span(*this);
  call_in_current(context, take_given(), result_mode_, result, span);
  // To CPython's executor the function is an argument of its own function.
  if (result_mode_ == transfer::Mode::any && result.outcome == Outcome::not_shareable &&
      result.exception->message.starts_with("func not shareable")) {
    result.exception->message.replace(0, 4, "args");
  }
}

void MapTask::run(transfer::Context& context, RunResult& result) {
  Interruptible span(*this);
  map_in_current(context, take_given(), result_mode_, result, span);
}

}  // namespace libatoll::runtime
