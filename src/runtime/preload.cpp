#include "runtime/preload.hpp"

#include <signal.h>

#include <array>
#include <atomic>

#include "py/ref.hpp"
#include "runtime/session.hpp"

namespace libatoll::runtime {

namespace {

// Some of CPython's own C modules set up process-wide state at their first import without a lock.
// Two interpreters that import one of them for the first time at once, each under its own GIL,
// corrupt it. Once the main interpreter has imported them, later imports only read that state.
//
// Seen by tests/python/test_import_races.py (4 threads that create, import and close in a loop):
//   3.13 (3.13.0, 3.13.15): `_datetime` (static types and the C API capsule).
//   3.12 (3.12.1): `_datetime`, and in long runs further C modules of the standard library.
//   3.14.8, 3.15.0: none.
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
constexpr std::array modules = {"_datetime"};
#else
constexpr std::array<const char*, 0> modules{};
#endif

std::atomic<bool> done{false};

/// What is imported may import `signal`, which makes Python handle SIGINT. Whether it does is for
/// the program to say.
class SigintKept {
 public:
  SigintKept() noexcept { sigaction(SIGINT, nullptr, &before_); }
  ~SigintKept() { sigaction(SIGINT, &before_, nullptr); }
  SigintKept(const SigintKept&) = delete;
  SigintKept& operator=(const SigintKept&) = delete;

 private:
  struct sigaction before_;
};

void import_all() {
  const SigintKept sigint;
  for (const char* name : modules) {
    if (!py::Ref::steal(PyImport_ImportModule(name))) PyErr_Clear();
  }
}

}  // namespace

void preload_for(Interpreter& current) {
  if (done.load(std::memory_order_acquire)) return;
  if (current.is_main()) {
    import_all();
  } else {
    Session session(*Registry::instance().main(), Session::Access::pin);
    import_all();
  }
  // Two threads may both get here: the second import is a look-up.
  done.store(true, std::memory_order_release);
}

void forget_preloaded() noexcept {
  done.store(false, std::memory_order_release);
}

}  // namespace libatoll::runtime
