#include "core/task/task.hpp"

#include <utility>

#include "core/wait/waiter.hpp"

namespace libatoll::core {

void Task::finish() noexcept {
  state_.store(State::finished, std::memory_order_release);
  notify_all();
}

bool Task::cancel(Reach reach) noexcept {
  const bool done = move(State::pending, State::cancelled) ||
                    (reach == Reach::running && move(State::running, State::cancelled));
  if (done) notify_all();
  return done;
}

bool Task::time_out() noexcept {
  if (!move(State::running, State::timed_out)) return false;
  notify_all();
  return true;
}

bool Task::listen(Handle<Listener> listener) noexcept {
  Handle<Listener> former;
  const LockGuard guard(lock_);
  if (is_over()) return false;
  former = std::exchange(listener_, std::move(listener));
  return true;
}

bool Task::has_listener() noexcept {
  const LockGuard guard(lock_);
  return static_cast<bool>(listener_);
}

/// The state is final: whoever enqueues or listens from now on sees that under the lock.
void Task::notify_all() noexcept {
  WakeList wake;
  Handle<Listener> listener;
  {
    const LockGuard guard(lock_);
    while (Operation* operation = waiting_.front()) {
      auto& completion = static_cast<Completion&>(*operation);
      waiting_.remove(completion);
      if (!completion.waiter_->claim(completion)) continue;
      completion.status_ = Status::ok;
      wake.add(completion);
    }
    listener = std::move(listener_);
  }
  wake.complete_all();
  if (const ObjectQueue<Task> sink = std::move(sink_)) {
    const Status status = sink.try_put(Handle<Task>::share(this));
    if (status == Status::no_memory) (void)sink.close(Channel::Close::sending);
  }
  if (listener) listener->task_over();
}

Status Completion::try_() noexcept {
  return status_ = task_.is_over() ? Status::ok : Status::pending;
}

Enqueued Completion::enqueue(Waiter& waiter) noexcept {
  {
    const LockGuard guard(task_.lock_);
    if (!task_.is_over()) {
      waiter_ = &waiter;
      status_ = Status::pending;
      task_.waiting_.push_back(*this);
      return Enqueued::waiting;
    }
  }
  if (!waiter.claim(*this)) return Enqueued::lost;
  status_ = Status::ok;
  return Enqueued::done;
}

void Completion::abandon() noexcept {
  if (!waiter_) return;
  const LockGuard guard(task_.lock_);
  if (task_.waiting_.contains(*this)) task_.waiting_.remove(*this);
  waiter_ = nullptr;
}

}  // namespace libatoll::core
