#include "runtime/process/own_threads.hpp"

#include <algorithm>
#include <thread>

#include "py/cpython_compat.hpp"
#include "py/loaded_module.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

PyThreadState* first_other(const Interpreter& target) noexcept {
  PyThreadState* const own = PyThreadState_Get();
  PyThreadState* state = PyInterpreterState_ThreadHead(target.state());
  while (state && state == own) state = PyThreadState_Next(state);
  return state;
}

/// Joins the threads that are no daemons, after what threading._register_atexit() was given.
void join_threads() noexcept {
  py::call_if_loaded("threading", "_shutdown");
#if ATOLL_THREADING_SHUTS_DOWN_ONCE
  // CPython calls it again when it ends the interpreter: int() does nothing.
  const py::Ref threading = py::loaded_module("threading");
  if (threading) {
    PyObject_SetAttrString(threading.get(), "_shutdown", reinterpret_cast<PyObject*>(&PyLong_Type));
  }
  PyErr_Clear();
#endif
}

}  // namespace

bool end_own_threads(Interpreter& target, std::chrono::milliseconds patience) noexcept {
  if (!first_other(target)) return true;
  join_threads();
  if (!first_other(target)) return true;
  py::call_if_loaded("atexit", "_run_exitfuncs");
  const auto deadline = std::chrono::steady_clock::now() + patience;
  auto pause = std::chrono::milliseconds(1);
  while (PyThreadState* state = first_other(target)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    PyThreadState* const own = PyThreadState_Get();
    for (; state; state = PyThreadState_Next(state)) {
      if (state != own) PyThreadState_SetAsyncExc(state->thread_id, PyExc_SystemExit);
    }
    const py::Detached detached;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  return true;
}

void release_foreign_threads() noexcept {
  const py::Ref threading = py::loaded_module("threading");
  const py::Ref type = py::Ref::steal(
      threading ? PyObject_GetAttrString(threading.get(), "_DeleteDummyThreadOnDel") : nullptr);
  if (type) (void)PyObject_DelAttrString(type.get(), "__del__");
  PyErr_Clear();
}

std::string names_of_threads() {
  const py::Ref threading = py::loaded_module("threading");
  const py::Ref all = py::Ref::steal(
      threading ? PyObject_CallMethod(threading.get(), "enumerate", nullptr) : nullptr);
  std::string out;
  for (Py_ssize_t i = 0; all && PyList_Check(all.get()) && i < PyList_GET_SIZE(all.get()); ++i) {
    PyObject* const thread = PyList_GET_ITEM(all.get(), i);
    const py::Ref daemon = py::Ref::steal(PyObject_GetAttrString(thread, "daemon"));
    const py::Ref text = py::Ref::steal(PyObject_GetAttrString(thread, "name"));
    const char* const called = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
    if (daemon.get() != Py_True || !called) continue;
    out += (out.empty() ? "" : ", ") + std::string(called);
  }
  PyErr_Clear();
  return out.empty() ? "unknown to Python" : out;
}

void forget_own_threads(const Interpreter& target) noexcept {
  while (PyThreadState* const state = first_other(target)) {
    PyThreadState_Clear(state);
    PyThreadState_Delete(state);
  }
}

}  // namespace libatoll::runtime::lifecycle
