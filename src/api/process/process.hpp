// The CPython of this process, as the public API uses it.
#pragma once

#include <Python.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "atoll/runtime.hpp"

namespace libatoll::api {

/// One per process, never destroyed: threads may still call when static destructors run.
class Process {
 public:
  [[nodiscard]] static Process& instance() noexcept;

  /// What a thread needs of CPython. finish() first waits for those who need the main interpreter,
  /// then closes the others, which tells code in them to stop, and then waits for the threads that
  /// were there.
  enum class Need : std::uint8_t { main, other };

  /// The calling thread needs CPython, which the Runtime does not end meanwhile. Every function of
  /// the public API that touches CPython holds one from beginning to end.
  class Use {
   public:
    /// Throws InterpreterError if CPython is not running or just being ended.
    explicit Use(Need need = Need::main);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    const Need need_;
  };

  /// Starts CPython unless it runs; true if it did.
  bool start(const RuntimeOptions& options);
  /// Ends the CPython that start() started. Throws InterpreterError.
  void finish();
  /// The same at process exit, where the user has not: if possible, without a word.
  void finish_at_exit() noexcept;

 private:
  [[nodiscard]] std::atomic<int>& users(Need need) noexcept;
  void drop_user(Need need) noexcept;
  [[nodiscard]] bool wait_for_users(Need need);
  [[nodiscard]] std::string close_leftovers();
  /// Waits until the tasks of all pools are over. Throws InterpreterError.
  void finish_pools();
  /// Closes the other interpreters, and waits until no thread needs CPython any more.
  void leave_main_only();

  std::mutex starting_;  // held by start() and finish()
  std::atomic<bool> started_{false};
  std::thread::id starter_;
  PyThreadState* state_ = nullptr;  // of the thread that started CPython

  std::atomic<int> users_of_main_{0};
  std::atomic<int> users_of_others_{0};
  std::atomic<bool> closing_{false};
  std::mutex users_mutex_;  // only for those who wait
  std::condition_variable users_gone_;
};

}  // namespace libatoll::api
