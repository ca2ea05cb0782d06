// The CPython of this process, as the public API uses it.
#pragma once

#include <Python.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "atoll/runtime.hpp"

namespace atoll::api {

/// One per process, never destroyed: threads may still call when static destructors run.
class Process {
 public:
  [[nodiscard]] static Process& instance() noexcept;

  /// The calling thread works in or with the main interpreter, which the Runtime does not end
  /// meanwhile. (Other interpreters are protected by their gates.) Throws InterpreterError if
  /// CPython is not running or just being ended.
  class Use {
   public:
    Use();
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
  };

  /// Starts CPython unless it runs; true if it did.
  bool start(const RuntimeOptions& options);
  /// Ends the CPython that start() started. Throws InterpreterError.
  void finish();
  /// The same at process exit, where the user has not: if possible, without a word.
  void finish_at_exit() noexcept;

 private:
  void drop_user() noexcept;
  [[nodiscard]] bool wait_for_users();
  [[nodiscard]] std::string close_leftovers();

  std::mutex starting_;  // held by start() and finish()
  std::atomic<bool> started_{false};
  std::thread::id starter_;
  PyThreadState* state_ = nullptr;  // of the thread that started CPython

  std::atomic<int> users_{0};
  std::atomic<bool> closing_{false};
  std::mutex users_mutex_;  // only for those who wait
  std::condition_variable users_gone_;
};

}  // namespace atoll::api
