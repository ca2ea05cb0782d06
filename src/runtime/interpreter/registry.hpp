// Which interpreters there are.
//
// atoll's own interpreters are known by their records. Those that others made through the C API are
// found by walking CPython's list, which its public API offers without a lock: a walk never
// overlaps an interpreter's end that atoll itself performs (see EndingScope); against somebody
// else's Py_EndInterpreter() in another thread it is as safe as PyInterpreterState_Next() is.
#pragma once

#include <Python.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "core/base/object.hpp"
#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime {

using InterpreterHandle = core::Handle<Interpreter>;

class Registry {
 public:
  [[nodiscard]] static Registry& instance() noexcept;

  /// The record of the interpreter that is attached in the calling thread; made on first use.
  [[nodiscard]] InterpreterHandle current();
  [[nodiscard]] InterpreterHandle main();
  /// Throws InterpreterNotFoundError.
  [[nodiscard]] InterpreterHandle find(std::int64_t id);
  /// In order of creation, the main interpreter first.
  [[nodiscard]] std::vector<InterpreterHandle> list();
  /// Makes the record of an interpreter that was just created, or takes the one that its own
  /// imports have made meanwhile.
  [[nodiscard]] InterpreterHandle adopt(PyInterpreterState* state, Whence whence,
                                        const Config& config);
  void remove(const Interpreter& interpreter) noexcept;
  /// CPython has ended; all records are closed. It may be started again.
  void after_finalization() noexcept;

  /// Atoll's own and foreign records that are known right now, without a walk.
  [[nodiscard]] std::vector<InterpreterHandle> known();
  /// How many interpreters beside the main one are open, whoever has made them.
  [[nodiscard]] std::size_t count_open_others();

  /// Stands around Py_EndInterpreter(): no list is walked meanwhile.
  class EndingScope {
   public:
    explicit EndingScope(Registry& registry) noexcept;
    ~EndingScope();
    EndingScope(const EndingScope&) = delete;
    EndingScope& operator=(const EndingScope&) = delete;

   private:
    Registry& registry_;
  };

  /// Stands around Py_NewInterpreterFromConfig(): what the calling thread attaches to meanwhile is
  /// not listed before adopt(), and is never taken for somebody else's.
  class CreatingScope {
   public:
    explicit CreatingScope(Registry& registry) noexcept;
    ~CreatingScope();
    CreatingScope(const CreatingScope&) = delete;
    CreatingScope& operator=(const CreatingScope&) = delete;

   private:
    Registry& registry_;
  };

  // fork() support: the mutex is held across the fork.
  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  void after_fork_in_child();

 private:
  InterpreterHandle record_of(PyInterpreterState* state);  // mutex held
  void walk();                                             // mutex held

  std::mutex mutex_;  // guards all below; never held while Python code can run
  std::map<std::int64_t, InterpreterHandle> records_;
  int ending_ = 0;
  int creating_ = 0;
};

}  // namespace libatoll::runtime
