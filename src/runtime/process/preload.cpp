#include "runtime/process/preload.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "atoll/base/error.hpp"
#include "py/cpython_compat.hpp"
#include "py/ref.hpp"
#include "runtime/interpreter/errors.hpp"
#include "runtime/process/trace_guard.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::runtime {

namespace {

// Some of CPython's own C modules set up process-wide state at their first import without a lock.
// Two interpreters that import one of them for the first time at once, each under its own GIL,
// corrupt it. Once the main interpreter has imported them, later imports only read that state.
//
// Seen by tests/python/process/test_import_races.py (4 threads that create, import and close in a
// loop):
//   3.13 (3.13.0, 3.13.15): `_datetime` (static types and the C API capsule).
//   3.12 (3.12.1): `_datetime`, and in long runs further C modules of the standard library.
//   3.15.0: `_ctypes`, once in a hundred runs: "class must define a '_type_' attribute ...". It
//     fills a table of the process when the first class of a simple type is made; 3.13 marks it as
//     filled before it is, and takes no lock.
//   3.14.8: nothing else.
#if PY_VERSION_HEX < 0x030D0000
constexpr std::array modules = {
    "_datetime",       "_decimal",     "_sqlite3",    "_ssl",    "_hashlib", "_asyncio", "_json",
    "_ctypes",         "_socket",      "_struct",     "_pickle", "_random",  "_bisect",  "_heapq",
    "_queue",          "_elementtree", "pyexpat",     "_csv",    "_lzma",    "_bz2",     "zlib",
    "_zoneinfo",       "_contextvars", "_opcode",     "array",   "math",     "cmath",    "select",
    "_uuid",           "_statistics",  "unicodedata", "_blake2", "_sha2",    "_md5",     "_sha1",
    "_sha3",           "binascii",     "fcntl",       "mmap",    "grp",      "resource", "termios",
    "_posixsubprocess"};
#elif PY_VERSION_HEX < 0x030E0000
constexpr std::array modules = {"_datetime", "_ctypes"};
#else
constexpr std::array modules = {"_ctypes"};
#endif

std::atomic<bool> done{false};

/// Holds SIGINT back while it exists. KeyboardInterrupt in the middle of an import may be lost: in
/// a callback of importlib it is only printed, and the C API of a module makes an ImportError of
/// it. Afterwards SIGINT does what it did before. That `signal` may be imported meanwhile, where
/// the program has Python ignore signals, does not change that: it leaves alone what somebody else
/// handles.
///
/// Made and destroyed with the main interpreter's GIL held, which guards what is static; several
/// threads may have one.
class SigintHeld {
 public:
  SigintHeld() noexcept {
    if (count_++ > 0) return;
    came_ = 0;
    struct sigaction hold = {};
    hold.sa_handler = [](int) { came_ = 1; };
    hold.sa_flags = SA_RESTART;
    sigemptyset(&hold.sa_mask);
    sigaction(SIGINT, &hold, &before_);
  }
  ~SigintHeld() {
    if (--count_ > 0) return;
    sigaction(SIGINT, &before_, nullptr);
    if (came_) kill(getpid(), SIGINT);
  }
  SigintHeld(const SigintHeld&) = delete;
  SigintHeld& operator=(const SigintHeld&) = delete;

 private:
  static inline volatile sig_atomic_t came_ = 0;
  static inline int count_ = 0;
  static inline struct sigaction before_ = {};
};

bool import(const char* name) {
  return static_cast<bool>(py::Ref::steal(PyImport_ImportModule(name)));
}

/// Fails only without memory, and with what a signal handler raised: what fails once, and not right
/// after, failed because of that.
py::Status import_or_ignore(const char* name) {
  if (import(name)) return py::Status::ok;
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) return py::Status::error;
  py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  if (import(name)) {
    PyErr_SetRaisedException(error.release());
    return py::Status::error;
  }
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) ||
      PyErr_ExceptionMatches(PyExc_MemoryError)) {
    return py::Status::error;
  }
  PyErr_Clear();
  return py::Status::ok;
}

/// Has `_ctypes` fill its table, as the import of `ctypes` would, which takes much longer.
void fill_table_of_ctypes() {
  const py::Ref module = py::Ref::steal(PyImport_ImportModule("_ctypes"));
  const py::Ref base =
      py::Ref::steal(module ? PyObject_GetAttrString(module.get(), "_SimpleCData") : nullptr);
  if (base) {
    const py::Ref simple =
        py::Ref::steal(PyObject_CallFunction(reinterpret_cast<PyObject*>(Py_TYPE(base.get())),
                                             "s(O){ss}", "simple", base.get(), "_type_", "b"));
  }
  PyErr_Clear();
}

py::Status import_all() {
  const SigintHeld sigint;
  for (const char* name : modules) {
    if (py::failed(import_or_ignore(name))) return py::Status::error;
  }
  fill_table_of_ctypes();
#if ATOLL_TRACEMALLOC_CRASHES
  lifecycle::guard_tracemalloc();
#endif
  return py::Status::ok;
}

}  // namespace

py::Status preload_for(Interpreter& current) {
  if (done.load(std::memory_order_acquire)) return py::Status::ok;
  if (current.is_main()) {
    if (py::failed(import_all())) return py::Status::error;
    // A Ctrl-C that was held back.
    if (PyErr_CheckSignals() != 0) return py::Status::error;
  } else {
    Session session(*Registry::instance().main(), Session::Access::pin);
    if (py::failed(import_all())) {
      throw InterpreterError("interpreter creation failed: " + take_error_text());
    }
  }
  // Two threads may both get here: the second import is a look-up.
  done.store(true, std::memory_order_release);
  return py::Status::ok;
}

void forget_preloaded() noexcept {
  done.store(false, std::memory_order_release);
}

}  // namespace libatoll::runtime
