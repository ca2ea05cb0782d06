#include "atoll/runtime.hpp"

#include <Python.h>

#include <cstdio>
#include <thread>

#include "api/process/process.hpp"
#include "atoll/error.hpp"
#include "py/thread_state.hpp"

namespace libatoll {

/// The thread that joined from inside an interpreter, to be put back there.
struct Runtime::Joined {
  PyThreadState* state;
  std::thread::id thread;
};

Runtime::Runtime(const RuntimeOptions& options) : owns_(api::Process::instance().start(options)) {
  if (!owns_ && py::attached_thread_state()) {
    joined_ = std::make_unique<Joined>();
    *joined_ = {PyEval_SaveThread(), std::this_thread::get_id()};
  }
}

Runtime::~Runtime() {
  try {
    close();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atoll: ~Runtime(): %s\n", error.what());
  }
}

void Runtime::close() {
  if (joined_) {
    if (std::this_thread::get_id() != joined_->thread) {
      throw InterpreterError("the runtime must be closed by the thread that joined it");
    }
    const std::unique_ptr<Joined> joined = std::move(joined_);
    if (Py_IsInitialized() && !py::attached_thread_state()) py::attach(joined->state);
  }
  if (!owns_) return;
  api::Process::instance().finish();
  owns_ = false;
}

bool Runtime::owns_python() const noexcept {
  return owns_;
}

bool Runtime::is_running() noexcept {
  return Py_IsInitialized() != 0;
}

std::string Runtime::python_version() {
  const std::string text = Py_GetVersion();
  return text.substr(0, text.find(' '));
}

}  // namespace libatoll
