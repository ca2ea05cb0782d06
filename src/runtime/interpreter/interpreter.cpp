#include "runtime/interpreter/interpreter.hpp"

#include <algorithm>
#include <utility>

namespace libatoll::runtime {

Interpreter::Interpreter(PyInterpreterState* state, std::int64_t id, Whence whence,
                         const Config& config)
    : state_(state), id_(id), whence_(whence), config_(config) {}

void Interpreter::set_origin(Whence whence, const Config& config) noexcept {
  whence_ = whence;
  config_ = config;
}

// --- the gate ----------------------------------------------------------------------------------

Interpreter::Admission Interpreter::admit_run() noexcept {
  std::uint32_t seen = gate_.load(std::memory_order_relaxed);
  do {
    if (seen & (closing_bit | closed_bit)) return Admission::closed;
    if ((seen & running_bit) || is_main()) return Admission::running;
  } while (!gate_.compare_exchange_weak(seen, seen | running_bit, std::memory_order_acquire,
                                        std::memory_order_relaxed));
  return Admission::admitted;
}

Interpreter::Admission Interpreter::admit_pin() noexcept {
  std::uint32_t seen = gate_.load(std::memory_order_relaxed);
  do {
    if (seen & (closing_bit | closed_bit)) return Admission::closed;
  } while (!gate_.compare_exchange_weak(seen, seen + pin_unit, std::memory_order_acquire,
                                        std::memory_order_relaxed));
  return Admission::admitted;
}

void Interpreter::release_run() noexcept {
  if (gate_.fetch_and(~running_bit, std::memory_order_acq_rel) & waiting_bit) wake_gate_waiters();
}

void Interpreter::release_pin() noexcept {
  if (gate_.fetch_sub(pin_unit, std::memory_order_acq_rel) & waiting_bit) wake_gate_waiters();
}

void Interpreter::wake_gate_waiters() noexcept {
  std::lock_guard lock(gate_mutex_);
  gate_changed_.notify_all();
}

template <class Predicate>
bool Interpreter::wait_at_gate(const std::chrono::steady_clock::time_point* deadline,
                               Predicate done) noexcept {
  std::unique_lock lock(gate_mutex_);
  // The bit is never taken back: a closing gate sees few more visitors, and a needless
  // notification is harmless.
  gate_.fetch_or(waiting_bit, std::memory_order_acq_rel);
  const auto ready = [&] { return done(gate_.load(std::memory_order_acquire)); };
  if (!deadline) {
    gate_changed_.wait(lock, ready);
    return true;
  }
  return gate_changed_.wait_until(lock, *deadline, ready);
}

Interpreter::Admission Interpreter::begin_close() noexcept {
  std::uint32_t seen = gate_.load(std::memory_order_relaxed);
  do {
    if (seen & (closing_bit | closed_bit)) return Admission::closed;
    if (seen & running_bit) return Admission::running;
  } while (!gate_.compare_exchange_weak(seen, seen | closing_bit, std::memory_order_acq_rel,
                                        std::memory_order_relaxed));
  // New pins are refused by now; wait for those that are still inside.
  if (gate_.load(std::memory_order_acquire) >= pin_unit) {
    wait_at_gate(nullptr, [](std::uint32_t word) { return word < pin_unit; });
  }
  return Admission::admitted;
}

bool Interpreter::wait_until_idle(std::chrono::steady_clock::time_point deadline) noexcept {
  return wait_at_gate(
      &deadline, [](std::uint32_t word) { return (word & running_bit) == 0 && word < pin_unit; });
}

void Interpreter::cancel_close() noexcept {
  gate_.fetch_and(~closing_bit, std::memory_order_acq_rel);
}

void Interpreter::end_close() noexcept {
  gate_.fetch_or(closed_bit, std::memory_order_acq_rel);
  std::lock_guard lock(slots_mutex_);
  for (auto& slot : slots_) slot->state = nullptr;
  slots_.clear();
}

bool Interpreter::is_running() const noexcept {
  return is_main() || (gate_.load(std::memory_order_acquire) & running_bit) != 0;
}

bool Interpreter::has_ended() const noexcept {
  return (gate_.load(std::memory_order_acquire) & closed_bit) != 0;
}

bool Interpreter::is_closed() const noexcept {
  return (gate_.load(std::memory_order_acquire) & (closing_bit | closed_bit)) != 0;
}

// --- references --------------------------------------------------------------------------------

void Interpreter::incref(bool implies_link) noexcept {
  if (is_main()) return;
  std::lock_guard lock(references_mutex_);
  ++references_;
  linked_ = linked_ || implies_link;
}

void Interpreter::link() noexcept {
  std::lock_guard lock(references_mutex_);
  linked_ = true;
}

bool Interpreter::decref() noexcept {
  if (is_main()) return false;
  std::lock_guard lock(references_mutex_);
  if (references_ == 0) return false;
  return --references_ == 0 && linked_;
}

bool Interpreter::take_close_when_idle() noexcept {
  return close_when_idle_.load(std::memory_order_relaxed) &&
         close_when_idle_.exchange(false, std::memory_order_acq_rel);
}

// --- what atoll keeps inside --------------------------------------------------------------------

transfer::Context* Interpreter::context() {
  if (!context_ && !context_cleared_) {
    // Making it runs Python code, which may come here again.
    auto made = transfer::Context::create();
    if (!made) return nullptr;
    if (!context_) {
      context_ = std::move(made);
      transfer::register_context(state_, context_.get());
    }
  }
  if (!context_) {
    PyErr_SetString(PyExc_RuntimeError,
                    "the interpreter is ending: atoll is no longer usable in it");
  }
  return context_.get();
}

void Interpreter::clear_context() noexcept {
  context_cleared_ = true;
  transfer::unregister_context(state_);
  context_.reset();
}

// --- thread states ------------------------------------------------------------------------------

namespace {

void delete_state(ThreadStateSlot& slot) noexcept {
  PyThreadState* state = std::exchange(slot.state, nullptr);
  PyThreadState_Clear(state);
  PyThreadState_Delete(state);
}

}  // namespace

void Interpreter::add_slot(core::Handle<ThreadStateSlot> slot) {
  std::lock_guard lock(slots_mutex_);
  // One whose former state was deleted may still be there.
  const bool is_known =
      std::ranges::any_of(slots_, [&slot](const auto& each) { return each.get() == slot.get(); });
  if (!is_known) slots_.push_back(std::move(slot));
}

template <class Predicate>
void Interpreter::delete_slots_if(Predicate doomed) noexcept {
  // Clearing a thread state can run Python code (destructors): never under the mutex.
  std::vector<core::Handle<ThreadStateSlot>> taken;
  {
    std::lock_guard lock(slots_mutex_);
    std::erase_if(slots_, [&](core::Handle<ThreadStateSlot>& slot) {
      if (slot->state && !doomed(*slot)) return false;
      if (slot->state) taken.push_back(std::move(slot));
      return true;
    });
  }
  for (auto& slot : taken) delete_state(*slot);
}

std::size_t Interpreter::slot_count() const noexcept {
  std::lock_guard lock(slots_mutex_);
  return static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const auto& slot) { return slot->state != nullptr; }));
}

void Interpreter::delete_orphans() noexcept {
  orphans_.store(0, std::memory_order_relaxed);
  delete_slots_if(
      [](const ThreadStateSlot& slot) { return slot.orphaned.load(std::memory_order_acquire); });
}

void Interpreter::forget_deleted_slots() noexcept {
  const auto exists = [this](const PyThreadState* wanted) {
    auto* state = PyInterpreterState_ThreadHead(state_);
    while (state && state != wanted) state = PyThreadState_Next(state);
    return state != nullptr;
  };
  std::lock_guard lock(slots_mutex_);
  for (auto& slot : slots_) {
    if (slot->state && !exists(slot->state)) slot->state = nullptr;
  }
}

void Interpreter::delete_slots_except(PyThreadState* keep) noexcept {
  delete_slots_if([keep](const ThreadStateSlot& slot) { return slot.state != keep; });
}

void Interpreter::forget_slots_after_fork() noexcept {
  for (auto& slot : slots_) slot->state = nullptr;
  slots_.clear();
  orphans_.store(0, std::memory_order_relaxed);
}

void Interpreter::mark_gone_after_fork() noexcept {
  gate_.store(closing_bit | closed_bit, std::memory_order_relaxed);
  forget_slots_after_fork();
  // Its objects lie in an interpreter that no longer exists: they cannot be released.
  (void)context_.release();
}

}  // namespace libatoll::runtime
