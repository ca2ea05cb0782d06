// One interpreter of the process, as every thread and every other interpreter sees it.
//
// The record outlives the interpreter: whoever holds a Handle can still ask for its id, and learns
// at the gate that it is closed.
//
// The gate decides who may be inside. It is one atomic word: one thread may *run* `__main__`; any
// number may *pin* the interpreter for work that PEP 734 does not call running (delivering an
// interrupt, releasing objects, a C++ program's calls into the main interpreter); a closer gets in
// when nobody runs and keeps everybody else out for good. `PyInterpreterState*` and the cached
// thread states may be touched only by those whom the gate admitted.
#pragma once

#include <Python.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "atoll/base/config.hpp"
#include "core/base/object.hpp"
#include "py/ref.hpp"
#include "runtime/interpreter/held_objects.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::runtime {

/// Who made an interpreter; the numbers are those of CPython's `_interpreters`.
enum class Whence : int {
  unknown = 0,
  runtime = 1,  ///< the main interpreter
  legacy_capi = 2,
  capi = 3,  ///< made by somebody else, through the C API
  xi = 4,
  stdlib = 5,  ///< made by atoll
};

/// The PyThreadState of one OS thread in one interpreter. Owned by both sides: the interpreter
/// deletes `state`, the thread forgets the slot when it ends.
struct ThreadStateSlot final : core::Object {
  explicit ThreadStateSlot(PyThreadState* s) noexcept : state(s) {}
  /// Null once deleted. Touched under the interpreter's gate only.
  PyThreadState* state;
  /// The thread has ended; whoever is next inside the interpreter deletes `state`.
  std::atomic<bool> orphaned{false};
};

class Interpreter final : public core::Object {
 public:
  enum class Admission { admitted, running, closed };

  Interpreter(PyInterpreterState* state, std::int64_t id, Whence whence, const Config& config);

  [[nodiscard]] std::int64_t id() const noexcept { return id_; }
  [[nodiscard]] Whence whence() const noexcept { return whence_; }
  [[nodiscard]] bool is_main() const noexcept { return whence_ == Whence::runtime; }
  /// Made by atoll: its configuration is known and atoll may end it.
  [[nodiscard]] bool is_own() const noexcept { return whence_ == Whence::stdlib; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  /// Valid for those whom the gate admitted, and inside the interpreter itself.
  [[nodiscard]] PyInterpreterState* state() const noexcept { return state_; }

  /// Before it is published: create() learns the origin only after CPython's `site` may have
  /// imported atoll in it.
  void set_origin(Whence whence, const Config& config) noexcept;

  // --- the gate; any thread, no GIL needed -----------------------------------------------------
  [[nodiscard]] Admission admit_run() noexcept;
  [[nodiscard]] Admission admit_pin() noexcept;
  void release_run() noexcept;
  void release_pin() noexcept;
  /// Keeps everybody out from now on; returns `running` (and changes nothing) while `__main__`
  /// runs. Waits for pins to go: the caller must hold no GIL that they could need.
  [[nodiscard]] Admission begin_close() noexcept;
  /// Waits until nobody is inside. False if that is not so at `deadline`.
  [[nodiscard]] bool wait_until_idle(std::chrono::steady_clock::time_point deadline) noexcept;
  /// Takes begin_close() back.
  void cancel_close() noexcept;
  void end_close() noexcept;
  /// Some thread runs `__main__`. Always so for the main interpreter.
  [[nodiscard]] bool is_running() const noexcept;
  [[nodiscard]] bool is_closed() const noexcept;
  /// Nothing of it is left; code of its own may still run in one that is merely closed.
  [[nodiscard]] bool has_ended() const noexcept;
  /// The thread (PyThread_get_thread_ident) that runs, or last ran, `__main__`.
  [[nodiscard]] unsigned long runner() const noexcept {
    return runner_.load(std::memory_order_relaxed);
  }
  void set_runner(unsigned long ident) noexcept { runner_.store(ident, std::memory_order_relaxed); }

  /// Its runner was told to stop because the process ends.
  [[nodiscard]] bool is_stopped_for_exit() const noexcept {
    return stopped_for_exit_.load(std::memory_order_relaxed);
  }
  void set_stopped_for_exit() noexcept { stopped_for_exit_.store(true, std::memory_order_relaxed); }

  // --- references (PEP 734's bookkeeping of Interpreter objects) --------------------------------
  void incref(bool implies_link) noexcept;
  void link() noexcept;
  /// True if that was the last reference of a linked interpreter: the caller must close it.
  [[nodiscard]] bool decref() noexcept;
  /// Close it as soon as it is idle (its last reference went while it was running).
  void close_when_idle() noexcept { close_when_idle_.store(true); }
  [[nodiscard]] bool take_close_when_idle() noexcept;

  // --- inside the interpreter, with its GIL ------------------------------------------------------
  /// What transfer keeps here; made on first use. Null with a Python error set on failure.
  [[nodiscard]] transfer::Context* context();
  [[nodiscard]] transfer::Context* context_if_made() const noexcept { return context_.get(); }
  /// Drops what atoll holds in the interpreter; called by its atexit hook.
  void clear_context() noexcept;
  /// Objects of the interpreter that others hold.
  [[nodiscard]] HeldObjects& held() noexcept { return held_; }

  // --- thread states -----------------------------------------------------------------------------
  void add_slot(core::Handle<ThreadStateSlot> slot);
  [[nodiscard]] std::size_t slot_count() const noexcept;
  /// Deletes the thread states of ended threads. Inside, with the GIL.
  void delete_orphans() noexcept;
  /// Forgets the thread states that CPython has deleted itself, as it does on its way out. Inside,
  /// with the GIL.
  void forget_deleted_slots() noexcept;
  /// Deletes all cached thread states but `keep`. Inside, alone (run or close admitted), with the
  /// GIL.
  void delete_slots_except(PyThreadState* keep) noexcept;
  void note_orphan() noexcept { orphans_.fetch_add(1, std::memory_order_release); }
  [[nodiscard]] bool has_orphans() const noexcept {
    return orphans_.load(std::memory_order_relaxed) != 0;
  }
  /// After fork(), in the child: CPython has deleted all thread states but the calling thread's.
  void forget_slots_after_fork() noexcept;
  /// After fork(), in the child: the interpreter does not exist here.
  void mark_gone_after_fork() noexcept;

 private:
  static constexpr std::uint32_t running_bit = 1;
  static constexpr std::uint32_t closing_bit = 2;
  static constexpr std::uint32_t closed_bit = 4;
  static constexpr std::uint32_t waiting_bit = 8;  ///< somebody waits on gate_changed_
  static constexpr std::uint32_t pin_unit = 16;

  void wake_gate_waiters() noexcept;
  template <class Predicate>
  void delete_slots_if(Predicate doomed) noexcept;
  template <class Predicate>
  bool wait_at_gate(const std::chrono::steady_clock::time_point* deadline, Predicate done) noexcept;

  PyInterpreterState* const state_;
  const std::int64_t id_;
  Whence whence_;
  Config config_;

  std::atomic<std::uint32_t> gate_{0};
  std::mutex gate_mutex_;  // only for those who wait at the gate
  std::condition_variable gate_changed_;
  std::atomic<bool> stopped_for_exit_{false};
  std::atomic<unsigned long> runner_{0};
  std::atomic<bool> close_when_idle_{false};

  std::mutex references_mutex_;
  std::int64_t references_ = 0;
  bool linked_ = false;

  std::unique_ptr<transfer::Context> context_;
  bool context_cleared_ = false;
  HeldObjects held_;

  mutable std::mutex slots_mutex_;  // guards slots_; never held while Python runs
  std::vector<core::Handle<ThreadStateSlot>> slots_;
  std::atomic<std::uint32_t> orphans_{0};
};

}  // namespace libatoll::runtime
