// The threads of a pool: what workers do, and who makes and closes interpreters.
#include <pthread.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "atoll/base/error.hpp"
#include "py/cpython_compat.hpp"
#include "py/loaded_module.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/errors.hpp"
#include "runtime/pool/pool.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/session/session.hpp"
#include "transfer/memory/release_list.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::runtime {

using core::Handle;
using core::Status;

namespace {

void name_thread(const std::string& name) noexcept {
  constexpr std::size_t longest = 15;
  pthread_setname_np(pthread_self(), name.substr(0, longest).c_str());
}

/// Python's name of the calling thread in the current interpreter. `threading` numbers threads that
/// it has not started itself, "Dummy-1" and so on, in each interpreter anew.
void name_python_thread(const std::string& name) noexcept {
#if ATOLL_THREADING_TAKES_IMPORTER_FOR_MAIN
  const py::Ref threading = py::loaded_module("threading");
#else
  const py::Ref threading =
      py::guarded([] { return py::Ref::steal(PyImport_ImportModule("threading")); });
#endif
  if (threading) {
    const py::Ref thread =
        py::Ref::steal(PyObject_CallMethod(threading.get(), "current_thread", nullptr));
    const py::Ref text = py::Ref::steal(PyUnicode_FromString(name.c_str()));
    if (thread && text) PyObject_SetAttrString(thread.get(), "name", text.get());
  }
  PyErr_Clear();
}

/// What went wrong with the making of an interpreter, where it is no Python exception.
RunResult failure_of(const std::exception& error) {
  RunResult result;
  result.outcome = Outcome::raised;
  transfer::ExceptionSnapshot& snapshot = result.exception.emplace();
  snapshot.type_name = snapshot.type_qualname = "InterpreterError";
  snapshot.type_module = "atoll.interpreters";
  snapshot.message = error.what();
  snapshot.formatted = "atoll.interpreters.InterpreterError: " + snapshot.message;
  return result;
}

}  // namespace

// --- workers -------------------------------------------------------------------------------------

std::string Pool::name_of_worker(std::size_t index) const {
  return options_.name + '_' + std::to_string(index);
}

void Pool::work(std::size_t index) noexcept {
  name_thread(name_of_worker(index));
  Place& place = places_[index % options_.interpreters];
  // One that was received for a member that has been retired meanwhile.
  Handle<PoolTask> task;
  for (bool goes_on = true; goes_on;) {
    const Handle<Member> member = place.enter([this] { return obtain_member(); });
    if (!member) break;
    try {
      goes_on = serve(index, *member, task);
    } catch (const std::exception& error) {
      // Somebody else has ended the interpreter, or there is no memory.
      break_down(failure_of(error));
      goes_on = false;
    }
    if (place.leave(member)) dispose(member);
  }
  if (task) task->fail_with_pool();
}

/// Executes tasks until there are no more, or the member is retired (true).
bool Pool::serve(std::size_t index, Member& member, Handle<PoolTask>& task) {
  Interpreter& interpreter = member.interpreter();
  Session session(interpreter, Session::Access::tenant);
  if (!lifecycle::join_current()) throw InterpreterError(take_error_text());
  transfer::Context& context = *interpreter.context();
  const auto worker = Handle<WorkerRecord>::make(InterpreterHandle::share(&interpreter),
                                                 PyThread_get_thread_ident());
  name_python_thread(name_of_worker(index));
  for (;;) {
    if (!task) task = next_task(interpreter.id());
    if (!task) return false;
    if (member.is_retired()) return true;
    if (interpreter.has_orphans()) interpreter.delete_orphans();
    transfer::drain_releases(context);
    execute(index, task, worker, context);
    task = nullptr;
    member.count_task(options_.max_tasks);
    if (member.is_retired()) return true;
  }
}

void Pool::execute(std::size_t index, const Handle<PoolTask>& task,
                   const Handle<WorkerRecord>& worker, transfer::Context& context) {
  show_running(index, task);
  counters_.running.fetch_add(1, std::memory_order_relaxed);
  const PoolTask::Ending ending = task->execute(worker, context);
  counters_.running.fetch_sub(1, std::memory_order_relaxed);
  show_running(index, nullptr);
  switch (ending) {
    case PoolTask::Ending::returned:
      counters_.finished.fetch_add(1, std::memory_order_relaxed);
      break;
    case PoolTask::Ending::failed:
      counters_.failed.fetch_add(1, std::memory_order_relaxed);
      break;
    case PoolTask::Ending::cancelled:
      break;
    case PoolTask::Ending::not_begun:
      counters_.dropped.fetch_sub(1, std::memory_order_relaxed);
      break;
  }
  // Whoever learns of the end and submits the next task finds this worker free; but not while it
  // tells a listener, which may run anything.
  const bool is_busy = task->has_listener();
  if (!is_busy) free_.fetch_add(1, std::memory_order_relaxed);
  if (ending == PoolTask::Ending::returned || ending == PoolTask::Ending::failed) task->finish();
  if (is_busy) free_.fetch_add(1, std::memory_order_relaxed);
}

/// For interrupt_all().
void Pool::show_running(std::size_t index, Handle<PoolTask> task) noexcept {
  const core::LockGuard guard(running_lock_);
  std::swap(running_[index], task);
}

/// Empty: there are no more, or the process or the interpreter ends.
Handle<PoolTask> Pool::next_task(core::InterpreterId interpreter) noexcept {
  core::ObjectQueue<PoolTask>::Taking taking(tasks_, core::Receive::Line::front);
  Status status = taking.operation().try_();
  if (status == Status::pending) {
    const py::Detached detached;
    do {
      status = core::wait_for(taking.operation(), {.interpreter = interpreter});
    } while (status == Status::interrupted);
  }
  if (status != Status::ok) return {};
  return taking.object();
}

// --- interpreters --------------------------------------------------------------------------------

void Member::close() noexcept {
  interpreter_->release_run();
  // The thread in which the process exits sees to all interpreters that are left.
  if (lifecycle::is_exiting()) return;
  try {
    lifecycle::close(*interpreter_);
  } catch (const std::exception&) {
    // Somebody else was faster, or uses it: then it is theirs.
  }
}

Handle<Member> Pool::take_spare() noexcept {
  if (!spares_) return {};
  Handle<Member> member;
  if (spares_.try_take(member) != Status::ok) return {};
  (void)upkeep_.try_put({});
  return member;
}

Handle<Member> Pool::obtain_member() noexcept {
  Handle<Member> member = take_spare();
  if (!member) member = make_member();
  if (member) counters_.interpreters.fetch_add(1, std::memory_order_relaxed);
  return member;
}

/// A child of the home's. When that is being closed the tasks that are left get one of the main
/// interpreter's.
InterpreterHandle Pool::create_interpreter() const {
  std::optional<Session> inside;
  try {
    inside.emplace(*home_, Session::Access::pin);
    inside->keep_no_thread_state();
  } catch (const InterpreterNotFoundError&) {
  }
  return lifecycle::create({.config = options_.config});
}

/// Breaks the pool where it fails.
Handle<Member> Pool::make_member() noexcept {
  if (broken_->is_over()) return {};
  try {
    const InterpreterHandle fresh = create_interpreter();
    if (fresh->admit_run() != Interpreter::Admission::admitted) {
      throw InterpreterError("somebody else uses an interpreter that was made for the pool");
    }
    auto member = Handle<Member>::make(fresh);
    RunResult result;
    set_up(*member, result);
    if (result.outcome == Outcome::returned) return member;
    member->close();
    break_down(std::move(result));
  } catch (const std::exception& error) {
    break_down(failure_of(error));
  }
  return {};
}

void Pool::set_up(Member& member, RunResult& result) {
  Interpreter& interpreter = member.interpreter();
  Session session(interpreter, Session::Access::tenant);
  if (!lifecycle::join_current()) throw InterpreterError(take_error_text());
  transfer::Context& context = *interpreter.context();
  for (const std::string& module : options_.preload) {
    if (py::guarded([&] { return py::Ref::steal(PyImport_ImportModule(module.c_str())); }))
      continue;
    return take_uncaught(context, result);
  }
  for (const core::Message& call : options_.set_up) {
    call_in_current(context, call, transfer::Mode::any, result);
    if (result.outcome != Outcome::returned) return;
  }
  if (options_.set_up_last) options_.set_up_last(context, result);
}

/// After its last worker has left.
void Pool::dispose(const Handle<Member>& member) noexcept {
  counters_.interpreters.fetch_sub(1, std::memory_order_relaxed);
  if (member->is_retired()) counters_.recycled.fetch_add(1, std::memory_order_relaxed);
  if (upkeep_ && upkeep_.try_put(member) == Status::ok) return;
  member->close();
}

InterpreterHandle Pool::take_interpreter() {
  Handle<Member> member = take_spare();
  if (!member) {
    const py::Detached detached;
    member = make_member();
  }
  if (!member) return {};
  member->interpreter().release_run();
  return InterpreterHandle::share(&member->interpreter());
}

// --- the thread that keeps spares ----------------------------------------------------------------

void Pool::keep_spares() noexcept {
  name_thread(options_.name + "_warm");
  Handle<Member> member;
  for (;;) {
    const Status status = upkeep_.take(member);
    if (status == Status::interrupted) continue;
    if (status != Status::ok) break;
    if (member) {
      member->close();
    } else if (!is_shut_down()) {
      if (Handle<Member> spare = make_member()) (void)spares_.try_put(std::move(spare));
    }
    member = nullptr;
  }
  while (spares_.try_take(member) == Status::ok) member->close();
}

}  // namespace libatoll::runtime
