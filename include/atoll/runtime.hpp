// Starting and ending CPython in a C++ program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "atoll/interpreter.hpp"

namespace libatoll {

/// How CPython is started. Of no effect on one that runs already.
struct RuntimeOptions {
  /// `sys.argv`.
  std::vector<std::string> argv = {};
  /// Put in front of `sys.path`, in this order.
  std::vector<std::string> path = {};
  /// The Python program as which CPython looks for its library and its site-packages, e.g.
  /// "/srv/app/venv/bin/python". If empty: that of $VIRTUAL_ENV if set and of the same version,
  /// else the one that was installed together with the libpython in use.
  std::string program_name = {};
  /// Heed PYTHONPATH, PYTHONHOME and the like, and VIRTUAL_ENV.
  bool use_environment = true;
  /// Ignore the environment and the user's own site-packages; an embedded program that must not be
  /// influenced from outside. Implies use_environment = false.
  bool isolated = false;
  /// Let Python handle SIGINT: Ctrl-C raises KeyboardInterrupt in the Python code that the starting
  /// thread runs, in whichever interpreter, and does nothing elsewhere. Otherwise signals stay as
  /// they are, and Ctrl-C ends the program.
  bool install_signal_handlers = false;
};

/// CPython, for the lifetime of this object.
///
/// The first Runtime of a process starts CPython, later ones, and those in a process that has a
/// CPython already (an extension module, a program that embeds by itself), join it. Afterwards the
/// calling thread is in no interpreter and holds no GIL. A thread that was in one when it joined is
/// there again after close(), which must then come from the same thread.
///
/// close(), or the destructor, of the Runtime that started CPython ends it: it must run on the
/// thread that started it, shuts down all pools and waits for their tasks and for Python's own
/// threads, closes the interpreters that are still open, and frees what Python holds. Calls of
/// other threads must have returned: Python code that still runs is told to stop (SystemExit), and
/// if it does not heed that for half a second, close() throws and CPython goes on, without those
/// pools; the destructor reports that on stderr. After that all handles count as closed. A program
/// may exit without closing: std::exit() on the starting thread closes too, but cancels the tasks
/// of pools.
///
///   atoll::Runtime runtime;                  // in main()
///   atoll::Runtime runtime({.path = {"plugins"}});
///   runtime.main().exec("print('hello')");
class Runtime {
 public:
  /// Throws StartupError.
  explicit Runtime(const RuntimeOptions& options = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Ends what this object began; does nothing the second time. Throws InterpreterError if that is
  /// impossible (see above) or if Python could not write out its buffered output.
  void close();

  /// This object started CPython, and has not been closed.
  [[nodiscard]] bool owns_python() const noexcept;
  /// The main interpreter.
  [[nodiscard]] Interpreter main() const { return Interpreter::main(); }

  /// CPython runs in this process.
  [[nodiscard]] static bool is_running() noexcept;
  /// The version of the CPython in use, e.g. "3.14.8".
  [[nodiscard]] static std::string python_version();

 private:
  struct Joined;
  bool owns_ = false;
  std::unique_ptr<Joined> joined_;
};

}  // namespace libatoll
