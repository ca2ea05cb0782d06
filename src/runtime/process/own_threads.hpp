// The threads that an interpreter's own code has started, when it is to end. Py_EndInterpreter()
// joins those that are no daemons, and aborts the process where others are left.
#pragma once

#include <Python.h>

#include <chrono>
#include <string>

#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime::lifecycle {

/// Ends them: joins those that are no daemons, runs the functions of `atexit` (which stop thread
/// pools, monitors, listeners), and then raises SystemExit in what is left, for as long as
/// `patience` says. False if some remain, blocked in C for good. The caller is inside `target`,
/// whose only other thread states are those of its own threads. Leaves no Python error set.
[[nodiscard]] bool end_own_threads(Interpreter& target,
                                   std::chrono::milliseconds patience) noexcept;

/// Before Py_EndInterpreter(): what `threading` has noted of a thread that it did not start, such
/// as a worker, goes when that thread's state does, and then, up to CPython 3.13.0, asks a module
/// that is taken apart already. Nobody needs it any more. Inside.
void release_foreign_threads() noexcept;

/// "Thread-1, worker": those that are left, for a message. Inside.
[[nodiscard]] std::string names_of_threads();

/// Takes away the thread states of what is left: only for the end of the process, in which these
/// threads do not come to run again. Inside.
void forget_own_threads(const Interpreter& target) noexcept;

}  // namespace libatoll::runtime::lifecycle
