#include "runtime/process/fork_guard.hpp"

#include <Python.h>

#include <atomic>
#include <cstring>

#include "runtime/interpreter/registry.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

std::atomic<bool> is_guarded{false};

int audit(const char* event, PyObject*, void*) {
  // Called for every event of every interpreter: quick to say no.
  if (std::strncmp(event, "os.fork", 7) != 0) return 0;
  try {
    const std::size_t others = Registry::instance().count_open_others();
    if (others == 0) return 0;
    PyErr_Format(
        PyExc_RuntimeError,
        "%s() while other interpreters are open (%zd) would crash the child process: close "
        "them first, or start a process by subprocess, or by multiprocessing with the "
        "start method 'spawn' or 'forkserver'",
        event, static_cast<Py_ssize_t>(others));
    return -1;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return -1;
  }
}

}  // namespace

void guard_forks() noexcept {
  if (is_guarded.exchange(true)) return;
  // Another hook may refuse that: then forks are as they were.
  if (PySys_AddAuditHook(audit, nullptr) != 0) PyErr_Clear();
}

void forget_fork_guard() noexcept {
  is_guarded.store(false);
}

}  // namespace libatoll::runtime::lifecycle
