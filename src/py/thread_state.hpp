// Attaching thread states, and calling Python, from C++ frames.
//
// While CPython finalizes, a thread that is not the finalizing one never comes back from an attempt
// to attach. From 3.14 on it blocks for good; before that it is ended by pthread_exit(), which
// unwinds our frames: destructors would release objects without a GIL, and the first noexcept would
// terminate the process. Every place of atoll that can get there goes through this header, which
// makes the older versions behave as 3.14 does.
#pragma once

#include <Python.h>
#include <unistd.h>

#include <utility>

#include "py/cpython_compat.hpp"

#if ATOLL_FINALIZATION_UNWINDS_THREADS
#include <cxxabi.h>
#endif

namespace libatoll::py {

/// Where a thread ends up that must not run on while the process ends.
[[noreturn]] inline void block_forever() noexcept {
  for (;;) pause();
}

/// Calls `function`, which may run Python code or attach a thread state.
template <class Function>
auto guarded(Function&& function) -> decltype(function()) {
#if ATOLL_FINALIZATION_UNWINDS_THREADS
  try {
    return std::forward<Function>(function)();
  } catch (const abi::__forced_unwind&) {
    block_forever();
  }
#else
  return std::forward<Function>(function)();
#endif
}

/// Attaches `state`, in place of whatever is attached.
inline void attach(PyThreadState* state) {
  guarded([state] {
    if (attached_thread_state()) {
      PyThreadState_Swap(state);
    } else {
      PyEval_RestoreThread(state);
    }
  });
}

/// Gives up the GIL, if the calling thread has one, for its own lifetime.
class Detached {
 public:
  Detached() noexcept : state_(attached_thread_state() ? PyEval_SaveThread() : nullptr) {}
  ~Detached() {
    if (state_) attach(state_);
  }
  Detached(const Detached&) = delete;
  Detached& operator=(const Detached&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace libatoll::py
