// The differences between CPython 3.12, 3.13, 3.14 and 3.15 that atoll's sources see.
//
// Everything version-dependent is named here; elsewhere one of these names says why a branch
// exists.
#pragma once

#include <Python.h>

#if PY_VERSION_HEX < 0x030C0000
#error "atoll needs CPython 3.12 or newer"
#endif
#ifdef Py_GIL_DISABLED
#error "atoll needs a CPython with a GIL per interpreter: this one is free-threaded"
#endif

/// Before 3.14 a fresh `__main__` holds `__annotations__` as well.
#define ATOLL_FRESH_MAIN_HAS_ANNOTATIONS (PY_VERSION_HEX < 0x030E0000)

/// Before 3.14 a thread that attaches while CPython finalizes is ended by pthread_exit().
#define ATOLL_FINALIZATION_UNWINDS_THREADS (PY_VERSION_HEX < 0x030E0000)

/// Before 3.14 CPython leaves interpreters that are still open at exit as they are, or crashes on
/// them; from 3.14 on it warns and ends them.
#define ATOLL_EXIT_ENDS_LEFTOVER_INTERPRETERS (PY_VERSION_HEX >= 0x030E0000)

/// On 3.12 an interpreter that has lost its last thread state can never get another one.
#define ATOLL_LAST_THREAD_STATE_IS_FINAL (PY_VERSION_HEX < 0x030D0000)

/// On 3.12 Py_Initialize() after Py_FinalizeEx() crashes as soon as `datetime` is imported again.
#define ATOLL_CAN_START_AGAIN (PY_VERSION_HEX >= 0x030D0000)

/// In 3.12.0 to 3.12.3 keyword names of C functions live in the interpreter that first used them.
#define ATOLL_KEYWORDS_MAY_BELONG_TO_FIRST_CALLER (PY_VERSION_HEX < 0x030D0000)

/// 3.12's `threading` has the thread that imported it as its main thread.
#define ATOLL_THREADING_TAKES_IMPORTER_FOR_MAIN (PY_VERSION_HEX < 0x030D0000)

/// 3.12's threading._shutdown() fails the second time it is called in an interpreter.
#define ATOLL_THREADING_SHUTS_DOWN_ONCE (PY_VERSION_HEX < 0x030D0000)

/// On 3.12 isolated interpreters cannot load `_datetime`: `datetime` is written in Python there.
#define ATOLL_DATETIME_MAY_BE_PYTHON (PY_VERSION_HEX < 0x030D0000)

/// Py_IsFinalizing(), which 3.12 calls otherwise.
#if PY_VERSION_HEX < 0x030D0000
#define ATOLL_PY_IS_FINALIZING _Py_IsFinalizing
#else
#define ATOLL_PY_IS_FINALIZING Py_IsFinalizing
#endif

/// On 3.12 private copies of extension modules do not hold: NumPy, pydantic and Polars crash or
/// hang.
#define ATOLL_HAS_PRIVATE_EXTENSIONS (PY_VERSION_HEX >= 0x030D0000)

/// On 3.12 and 3.14 tracemalloc keeps file names of interpreters that have ended, and crashes.
#define ATOLL_TRACEMALLOC_CRASHES (PY_VERSION_HEX < 0x030D0000 || (PY_VERSION_HEX >> 16) == 0x030E)

/// Extension modules may hand out an array of slots.
#define ATOLL_HAS_MODULE_SLOTS (PY_VERSION_HEX >= 0x030F0000)

/// Up to 3.14 `_interpreters` words a wrong argument by position, from 3.15 on by name.
#define ATOLL_ARGUMENT_ERRORS_NAME_POSITIONS (PY_VERSION_HEX < 0x030F0000)

namespace libatoll::py {

/// The attached thread state of the calling thread, or null.
inline PyThreadState* attached_thread_state() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  return PyThreadState_GetUnchecked();
#else
  // 3.12 has it under its former, private name only.
  return _PyThreadState_UncheckedGet();
#endif
}

}  // namespace libatoll::py

/// 3.12's frozen modules have code objects in static memory, which all interpreters share.
#define ATOLL_STATIC_CODE_IS_SHARED (PY_VERSION_HEX < 0x030D0000)

/// 3.13 made int <-> bytes public.
#define ATOLL_HAS_LONG_NATIVE_BYTES (PY_VERSION_HEX >= 0x030D0000)

namespace libatoll::py {

/// True for objects whose reference count does not move (None, small ints, static types...). May be
/// false for an immortal object whose count was changed by old extension code.
inline bool is_immortal(PyObject* object) noexcept {
#if PY_VERSION_HEX >= 0x030E0000
  return PyUnstable_IsImmortal(object) != 0;
#else
  return Py_REFCNT(object) >= (Py_ssize_t{1} << 28);
#endif
}

}  // namespace libatoll::py
