// An interpreter, as C++ sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atoll/config.hpp"
#include "atoll/value.hpp"

namespace libatoll {

/// Who made an interpreter; the numbers are those of CPython's `_interpreters`.
enum class Whence : std::uint8_t {
  unknown = 0,
  runtime = 1,  ///< the main interpreter
  legacy_capi = 2,
  capi = 3,  ///< somebody else, through CPython's C API
  xi = 4,
  stdlib = 5,  ///< atoll, from C++ or from Python
};

struct InterpreterOptions {
  /// Start with the `sys.path` of the creator (of the main interpreter, if the calling thread is in
  /// none) instead of CPython's default.
  bool inherit_path = true;
};

/// A handle on an interpreter. Copies are cheap and mean the same interpreter.
///
/// *Lifetime.* An interpreter that atoll made ends with its last handle, C++ or Python, or with
/// close(); ending it waits for the tasks of pools that were made in it, joins its Python threads
/// and runs its atexit callbacks, in the calling thread. If it runs code at that moment, it ends
/// when that is done. Handles on the main interpreter and on those that others made keep nothing
/// alive and end nothing. A handle may outlive its interpreter.
///
/// *Threads.* Every function may be called from any thread, with or without a Python thread state,
/// without preparation; different handles on one interpreter too. Code that runs in different
/// interpreters, each with its own GIL, runs in parallel. One thread at a time runs an interpreter:
/// exec(), call(), eval(), set() and get() throw InterpreterError while another thread is in one of
/// them, and state nothing about who comes first. The main interpreter is the exception: there,
/// calls take turns by its GIL.
///
/// *Errors.* What Python code raises, SystemExit and KeyboardInterrupt included, is thrown as
/// ExecutionFailed with its traceback; the interpreter stays usable. InterpreterNotFoundError: it
/// was closed. InterpreterError: its state does not allow this now. NotShareableError: an object
/// that is no Value. ValueError: a Value of the wrong type.
///
///   auto python = atoll::Interpreter::create();
///   python.exec("import math");
///   double root = python.call("math.sqrt", 2).as<double>();
///   int words = python.call("textwrap:wrap", text, 40).size();
class Interpreter {
 public:
  /// A new interpreter, idle, with a fresh `__main__`. Throws InterpreterError.
  [[nodiscard]] static Interpreter create(const Config& config = Config::isolated(),
                                          const InterpreterOptions& options = {});
  /// The main interpreter.
  [[nodiscard]] static Interpreter main();
  /// The interpreter that the calling thread is in: for code that Python calls. Throws
  /// InterpreterError if it is in none, as a thread of a C++ program is between calls.
  [[nodiscard]] static Interpreter current();
  /// All there are, the main interpreter first.
  [[nodiscard]] static std::vector<Interpreter> list_all();
  /// Throws InterpreterNotFoundError.
  [[nodiscard]] static Interpreter from_id(std::int64_t id);

  [[nodiscard]] std::int64_t id() const noexcept;
  [[nodiscard]] Whence whence() const noexcept;
  [[nodiscard]] bool is_main() const noexcept { return whence() == Whence::runtime; }
  /// How it was configured; a guess for interpreters that others made.
  [[nodiscard]] const Config& config() const noexcept;
  /// Some thread runs it at this moment. Always so for the main interpreter.
  [[nodiscard]] bool is_running() const noexcept;
  [[nodiscard]] bool is_closed() const noexcept;

  /// Ends it now. Throws InterpreterError if it is running, if the calling thread is in it, and for
  /// interpreters that atoll did not make; InterpreterNotFoundError if it is closed already.
  void close() const;

  /// Runs statements in `__main__`. `filename` is what tracebacks name; if there is such a file,
  /// they quote its lines.
  void exec(std::string_view source, std::string_view filename = "<string>") const;
  /// Evaluates an expression in `__main__`.
  [[nodiscard]] Value eval(std::string_view expression) const;

  /// Calls `callable`: a name in `__main__` or a builtin, attributes allowed ("f",
  /// "model.predict"), or a name in a module, which is imported if need be ("json:dumps").
  /// Arguments are whatever a Value can be made from.
  template <class... Args>
  Value call(std::string_view callable, Args&&... args) const {
    if constexpr (sizeof...(args) == 0) {
      return invoke(callable, {}, {});
    } else {
      const Value values[] = {Value(std::forward<Args>(args))...};
      return invoke(callable, values, {});
    }
  }
  /// The same with keyword arguments, whose names are the keys of `keywords`.
  Value call_with(std::string_view callable, const List& args, const Dict& keywords) const;

  /// Binds a name in `__main__`.
  void set(std::string_view name, const Value& value) const;
  /// Looks a name up in `__main__`. Throws ExecutionFailed (NameError) if there is none.
  [[nodiscard]] Value get(std::string_view name) const;

  /// The same interpreter.
  friend bool operator==(const Interpreter& a, const Interpreter& b) noexcept;

 private:
  friend class Runtime;
  struct Shared;
  explicit Interpreter(std::shared_ptr<const Shared> shared) noexcept;
  Value invoke(std::string_view callable, std::span<const Value> args, const Dict& keywords) const;
  /// Throws InterpreterError if the handle was moved from.
  [[nodiscard]] const Shared& shared() const;

  std::shared_ptr<const Shared> shared_;
};

}  // namespace libatoll
