#include "runtime/session/session.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "atoll/base/error.hpp"
#include "py/cpython_compat.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/exit_flag.hpp"

namespace libatoll::runtime {

namespace {

/// What one OS thread remembers: its slot in every interpreter that it has been in.
class ThreadCache {
 public:
  ~ThreadCache() {
    // The thread is ending. Deleting a thread state needs its interpreter's GIL, which may not be
    // free for long: the next one inside deletes it.
    for (auto& entry : entries_) {
      entry.slot->orphaned.store(true, std::memory_order_release);
      entry.interpreter->note_orphan();
    }
  }

  [[nodiscard]] ThreadStateSlot* find(const Interpreter& interpreter) noexcept {
    if (last_ < entries_.size() && entries_[last_].interpreter.get() == &interpreter) {
      return entries_[last_].slot.get();
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].interpreter.get() == &interpreter) {
        last_ = i;
        return entries_[i].slot.get();
      }
    }
    return nullptr;
  }

  ThreadStateSlot* add(Interpreter& interpreter, PyThreadState* state) {
    std::erase_if(entries_, [](const Entry& entry) { return entry.interpreter->is_closed(); });
    auto slot = core::Handle<ThreadStateSlot>::make(state);
    interpreter.add_slot(slot);
    entries_.push_back({InterpreterHandle::share(&interpreter), slot});
    last_ = entries_.size() - 1;
    return slot.get();
  }

  /// The calling thread's.
  [[nodiscard]] static ThreadCache& get();
  static void forget() noexcept;

 private:
  struct Entry {
    InterpreterHandle interpreter;
    core::Handle<ThreadStateSlot> slot;
  };
  std::vector<Entry> entries_;
  std::size_t last_ = 0;
};

// A plain pointer stays usable while the thread's other thread-locals are being destroyed, and
// after that: std::exit() destroys those of the main thread before it runs what may still enter
// interpreters (atexit functions, static destructors).
thread_local ThreadCache* cache = nullptr;
thread_local Session* innermost = nullptr;

struct CacheOwner {
  ~CacheOwner() { delete std::exchange(cache, nullptr); }
  void register_destructor() noexcept {}
};
thread_local CacheOwner cache_owner;

ThreadCache& ThreadCache::get() {
  if (!cache) {
    cache = new ThreadCache;
    cache_owner.register_destructor();
  }
  return *cache;
}

void ThreadCache::forget() noexcept {
  if (cache) cache->entries_.clear();
}

/// The thread state of the calling thread in `interpreter`, made if need be.
ThreadStateSlot* slot_for(Interpreter& interpreter) {
  ThreadCache& cache = ThreadCache::get();
  ThreadStateSlot* slot = cache.find(interpreter);
  if (slot && slot->state) return slot;
  PyThreadState* state = PyThreadState_New(interpreter.state());
  if (!state) throw std::bad_alloc();
  if (slot) {
    // Its former state was deleted with all others, at process exit.
    slot->state = state;
    interpreter.add_slot(core::Handle<ThreadStateSlot>::share(slot));
    return slot;
  }
  return cache.add(interpreter, state);
}

/// Detaches a thread that had nothing attached before. Attaching has bound PyGILState to the
/// session's thread state; another thread could not delete that one then, so the binding goes back
/// to `prior`, or to nothing by way of a short-lived thread state (1.3 us on 3.14, but 160 us on
/// the main OS thread, which therefore has a prior state in any sane program).
void detach_and_unbind(PyThreadState* prior) noexcept {
  if (prior) {
    py::attach(prior);
    PyEval_SaveThread();
    return;
  }
  PyThreadState* scratch = PyThreadState_New(PyInterpreterState_Get());
  if (!scratch) {
    PyEval_SaveThread();
    return;
  }
  PyThreadState_Swap(scratch);
  PyThreadState_Clear(scratch);
  PyThreadState_DeleteCurrent();
}

}  // namespace

namespace thread_cache {

void adopt(Interpreter& interpreter, PyThreadState* state) {
  ThreadCache::get().add(interpreter, state);
}

void forget_after_fork() noexcept {
  ThreadCache::forget();
  innermost = nullptr;
}

}  // namespace thread_cache

bool Session::calling_thread_came_from(const Interpreter& interpreter) noexcept {
  for (const Session* session = innermost; session; session = session->outer_) {
    if (session->caller_ && PyThreadState_GetInterpreter(session->caller_) == interpreter.state()) {
      return true;
    }
  }
  return false;
}

Session::Session(Interpreter& target, Access access)
    : target_(InterpreterHandle::share(&target)), access_(access) {
  const bool asks_gate = access == Access::run || access == Access::pin;
  if (asks_gate) {
    switch (access == Access::run ? target.admit_run() : target.admit_pin()) {
      case Interpreter::Admission::admitted:
        break;
      case Interpreter::Admission::running:
        throw InterpreterError("interpreter already running");
      case Interpreter::Admission::closed:
        throw InterpreterNotFoundError(target.id());
    }
    if (!target.is_main() && lifecycle::is_too_late()) {
      release_gate();
      refuse_at_exit();
    }
  }
  active_ = true;
  caller_ = py::attached_thread_state();
  if (caller_ && PyThreadState_GetInterpreter(caller_) == target.state()) {
    inside_ = caller_;
  } else {
    // If the thread is in the target already, further out, it goes on with that thread state.
    for (Session* outer = innermost; outer && !inside_; outer = outer->outer_) {
      if (outer->caller_ && PyThreadState_GetInterpreter(outer->caller_) == target.state()) {
        inside_ = outer->caller_;
      }
    }
    if (!caller_) prior_ = PyGILState_GetThisThreadState();
    // The thread's own thread state comes first: signals are handled in the main thread's only.
    if (!inside_ && prior_ && PyThreadState_GetInterpreter(prior_) == target.state()) {
      inside_ = prior_;
    }
    if (!inside_) {
      try {
        slot_ = slot_for(target);
      } catch (...) {
        if (access_ == Access::run) target.release_run();
        if (access_ == Access::pin) target.release_pin();
        active_ = false;
        throw;
      }
      inside_ = slot_->state;
    }
    switched_ = true;
    py::attach(inside_);
  }
  outer_ = innermost;
  innermost = this;
  if (access_ == Access::run || access_ == Access::tenant) {
    target.set_runner(PyThread_get_thread_ident());
  }
  // Whoever exits has either seen the runner, or been seen by it.
  if (asks_gate && !target.is_main() && lifecycle::is_too_late()) {
    leave();
    refuse_at_exit();
  }
  if (access_ == Access::run && signals::on_main_thread()) watch_ = signals::begin_watch(target);
  if (target.has_orphans()) target.delete_orphans();
}

void Session::leave() noexcept {
  if (!active_) return;
  active_ = false;
  interrupted_ = signals::end_watch(watch_);
  innermost = outer_;
  if (!switched_) {
    release_gate();
    return;
  }
  const bool is_unwanted = !keeps_thread_state_ && !caller_ && !prior_;
  if (slot_ && (is_unwanted || lifecycle::is_exiting()) && !ATOLL_LAST_THREAD_STATE_IS_FINAL) {
    // At exit nobody will come by to delete a cached thread state.
    slot_->state = nullptr;
    PyThreadState_Clear(inside_);
    PyThreadState_DeleteCurrent();
  } else if (caller_) {
    PyThreadState_Swap(nullptr);
  } else if (inside_ == prior_) {
    PyEval_SaveThread();
  } else {
    detach_and_unbind(prior_);
  }
  release_gate();
  if (!caller_) return;
  // A daemon thread that was stopped because the process ends does not come back, as no thread does
  // that attaches while CPython finalizes: it would only report an error that nobody made.
  if (access_ == Access::run && target_->is_stopped_for_exit()) py::block_forever();
  py::attach(caller_);
}

void Session::abandon() noexcept {
  active_ = false;
  innermost = outer_;
  if (caller_) py::attach(caller_);
}

void Session::refuse_at_exit() {
  if (innermost) throw InterpreterError("the process is exiting");
  // A daemon thread, or one that is not Python's, does not come back, as none does that attaches
  // while CPython finalizes.
  if (py::attached_thread_state()) PyEval_SaveThread();
  py::block_forever();
}

void Session::release_gate() noexcept {
  if (access_ == Access::run) target_->release_run();
  if (access_ == Access::pin) target_->release_pin();
}

}  // namespace libatoll::runtime
