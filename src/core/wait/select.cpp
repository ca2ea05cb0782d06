#include "core/wait/select.hpp"

#include <algorithm>
#include <new>
#include <numeric>
#include <utility>

#include "core/wait/closing.hpp"

namespace libatoll::core {

namespace {

/// xorshift64* (Marsaglia, Vigna): good enough to be fair, and free of locks.
std::uint32_t random_below(std::uint32_t bound) noexcept {
  static thread_local std::uint64_t state = 0;
  if (state == 0) {
    state = (reinterpret_cast<std::uintptr_t>(&state) ^
             static_cast<std::uint64_t>(monotonic_now()) * 0x9E3779B97F4A7C15U) |
            1U;
  }
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  const auto random = static_cast<std::uint32_t>((state * 0x2545F4914F6CDD1DU) >> 32);
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(random) * bound) >> 32);
}

}  // namespace

Selection::Selection(std::span<Operation* const> operations, Order order) noexcept
    : operations_(operations) {
  if (order == Order::given || operations.size() < 2) return;
  if (operations.size() <= few_.size()) {
    order_ = few_.data();
  } else {
    many_.reset(new (std::nothrow) std::uint32_t[operations.size()]);
    order_ = many_.get();
  }
  if (order_) shuffle();
}

void Selection::shuffle() noexcept {
  const auto count = static_cast<std::uint32_t>(operations_.size());
  std::iota(order_, order_ + count, 0U);
  for (std::uint32_t i = count; i > 1; --i) std::swap(order_[i - 1], order_[random_below(i)]);
}

bool Selection::try_all() noexcept {
  for (std::size_t position = 0; position < operations_.size(); ++position) {
    const std::size_t index = at(position);
    if (!operations_[index]) continue;
    const Status status = operations_[index]->try_();
    if (status == Status::pending) continue;
    result_ = {status, index};
    return true;
  }
  return false;
}

bool Selection::enqueue_all(Waiter& waiter) noexcept {
  for (;;) {
    waiter.reset();
    Enqueued outcome = Enqueued::waiting;
    std::size_t position = 0;
    for (; position < operations_.size() && outcome == Enqueued::waiting; ++position) {
      if (Operation* operation = operations_[at(position)]) outcome = operation->enqueue(waiter);
    }
    switch (outcome) {
      case Enqueued::waiting:
      case Enqueued::lost:  // one of the others is being completed
        return false;
      case Enqueued::done:
        finish(waiter);
        return true;
      case Enqueued::retry:
        break;
    }
    abandon_all();
    if (try_all()) return true;
  }
}

void Selection::finish(Waiter& waiter) noexcept {
  const Operation* winner = waiter.winner();
  for (std::size_t index = 0; index < operations_.size(); ++index) {
    Operation* operation = operations_[index];
    if (!operation) continue;
    if (operation == winner) {
      result_ = {operation->status(), index};
    } else {
      operation->abandon();
    }
  }
}

void Selection::abandon_all() noexcept {
  for (Operation* operation : operations_) {
    if (operation) operation->abandon();
  }
}

Deadline Selection::deadline() const noexcept {
  Deadline earliest = Deadline::never();
  for (const Operation* operation : operations_) {
    if (operation) earliest = std::min(earliest, operation->deadline());
  }
  return earliest;
}

// --- a thread's wait ---------------------------------------------------------------------------

Wait::Wait(std::span<Operation* const> operations, const WaitOptions& options, Order order) noexcept
    : selection_(operations, order), options_(options), parker_(Parker::current()) {
  if (!parker_) return;
  parker_->begin_wait();
  waiter_.emplace(*parker_);
}

Wait::~Wait() {
  cancel();
}

Selected Wait::start() noexcept {
  if (result_.status == Status::pending && !is_enqueued_ && selection_.try_all()) {
    result_ = selection_.result();
  }
  return result_;
}

Selected Wait::wait() noexcept {
  if (result_.status != Status::pending) return result_;
  if (!waiter_) return result_ = {Status::no_memory};
  parker_->set_interpreter(options_.interpreter);
  const Selected selected = wait_enqueued();
  parker_->set_idle();
  if (selected.status != Status::interrupted) result_ = selected;
  return selected;
}

Selected Wait::wait_enqueued() noexcept {
  for (;;) {
    if (!is_enqueued_) {
      if (selection_.enqueue_all(*waiter_)) return selection_.result();
      is_enqueued_ = true;
    }
    // Looked at after set_interpreter() and before every sleep: closing.cpp tells why that is
    // enough.
    if (is_closing_interpreter(options_.interpreter)) {
      return try_cancel() ? Selected{Status::interpreter_closed} : finish();
    }
    if (waiter_->completed().load(std::memory_order_acquire)) return finish();
    const Deadline until = std::min(options_.deadline, selection_.deadline());
    // A sleep until a moment that is over is 30 us for nothing.
    const Parker::Wakeup wakeup =
        until.is_over() ? Parker::Wakeup{.timed_out = true} : parker_->park(until);
    if (waiter_->completed().load(std::memory_order_acquire)) return finish();
    if (wakeup.interrupted) return {Status::interrupted};
    if (wakeup.timed_out) {
      if (!try_cancel()) return finish();
      if (selection_.try_all()) return selection_.result();
      if (options_.deadline.is_over()) return {Status::timed_out};
    }
  }
}

Selected Wait::cancel() noexcept {
  if (result_.status != Status::pending) return result_;
  if (is_enqueued_ && !try_cancel()) return result_ = finish();
  return result_ = {Status::cancelled};
}

/// True: cancelled and abandoned. False: somebody was faster, and has completed the waiter.
bool Wait::try_cancel() noexcept {
  if (waiter_->try_cancel()) {
    selection_.abandon_all();
    is_enqueued_ = false;
    return true;
  }
  // A few lines of another thread away.
  while (!waiter_->completed().load(std::memory_order_acquire)) parker_->park(Deadline::never());
  return false;
}

Selected Wait::finish() noexcept {
  selection_.finish(*waiter_);
  is_enqueued_ = false;
  return selection_.result();
}

// --- in one call -------------------------------------------------------------------------------

Selected select(std::span<Operation* const> operations, const WaitOptions& options,
                Order order) noexcept {
  Wait wait(operations, options, order);
  Selected selected = wait.start();
  if (selected.status == Status::pending) selected = wait.wait();
  if (selected.status != Status::interrupted) return selected;
  // The caller has no use for an unfinished wait, but for what came in this very moment.
  selected = wait.cancel();
  if (selected.status == Status::cancelled) selected.status = Status::interrupted;
  return selected;
}

Selected try_select(std::span<Operation* const> operations, Order order) noexcept {
  Selection selection(operations, order);
  (void)selection.try_all();
  return selection.result();
}

Status wait_for(Operation& operation, const WaitOptions& options) noexcept {
  Operation* const operations[] = {&operation};
  return select(operations, options, Order::given).status;
}

}  // namespace libatoll::core
