// Creating and ending interpreters, and leaving the process.
#pragma once

#include <string>

#include "runtime/interpreter/exit_flag.hpp"
#include "runtime/interpreter/interpreter.hpp"
#include "runtime/interpreter/registry.hpp"

namespace libatoll::runtime::lifecycle {

struct CreateOptions {
  Config config;
  /// Start with the `sys.path` of the creator instead of CPython's default.
  bool inherit_path = true;
};

/// A new, idle interpreter. From any thread, attached to any interpreter or to none. The calling
/// thread is where it was afterwards. Throws InterpreterError.
[[nodiscard]] InterpreterHandle create(const CreateOptions& options);

/// Ends an interpreter that atoll made: its `threading` shutdown and atexit callbacks run in the
/// calling thread, then everything of it is gone. Throws InterpreterError for the main, the
/// current, a running or a foreign one, InterpreterNotFoundError for one that is closed. Daemon
/// threads of its own are told to end; where one does not, the interpreter counts as closed, its
/// memory is kept, and the caller is warned (ResourceWarning).
void close(Interpreter& target);

/// Ends what close() has left because of its threads, when these are forgotten
/// (forget_own_threads()). For the end of the process only.
void finish_close(Interpreter& target);

/// Drops one reference; closes a linked interpreter with its last one, at once or when it has
/// stopped running.
void release_reference(Interpreter& target) noexcept;
/// Call after a session that ran `__main__`.
void close_if_due(Interpreter& target) noexcept;

/// Python source that every interpreter runs right after atoll has created it (in a namespace of
/// its own); empty for none. Process-wide.
void set_bootstrap(std::string source);

/// Sets atoll up in the current interpreter: its record, its Context and its atexit hook. Returns
/// null with a Python error set on failure.
[[nodiscard]] Interpreter* join_current();

/// Stops what runs in other interpreters and makes them fit for CPython's own finalization. In the
/// main interpreter, with its GIL.
void prepare_exit() noexcept;

}  // namespace libatoll::runtime::lifecycle
