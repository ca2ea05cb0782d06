#include "atoll/future.hpp"

#include <utility>

#include "api/channel/blocking.hpp"
#include "api/channel/handles.hpp"
#include "api/pool/futures.hpp"

namespace libatoll {

using core::Status;
using core::Task;

AnyFuture::AnyFuture(std::shared_ptr<const Shared> shared) noexcept : shared_(std::move(shared)) {}

const AnyFuture::Shared& AnyFuture::shared() const {
  if (!shared_) throw Error("this future was moved from");
  return *shared_;
}

bool AnyFuture::wait(Timeout timeout) const {
  (void)shared();
  const std::shared_ptr<const Shared> kept = shared_;  // whoever assigns to the handle meanwhile
  core::Completion completion(*kept->task);
  Status status = completion.try_();
  if (status == Status::pending && timeout.seconds() > 0) {
    core::Operation* const operations[] = {&completion};
    const api::Blocked blocked = api::block_on(operations, timeout);
    if (blocked.failure) throw *blocked.failure;
    status = blocked.selected.status;
  }
  if (status == Status::ok) return true;
  api::throw_common(status);
  return false;
}

bool AnyFuture::is_done() const noexcept {
  return !shared_ || shared_->task->is_over();
}

bool AnyFuture::is_running() const noexcept {
  if (!shared_) return false;
  const Task::State state = shared_->task->state();
  return state == Task::State::running || state == Task::State::settling;
}

bool AnyFuture::is_cancelled() const noexcept {
  return shared_ && shared_->task->state() == Task::State::cancelled;
}

bool AnyFuture::cancel(const CancelOptions& options) const {
  api::ValueTask& task = *shared().task;
  if (options.interrupt ? task.cancel_and_interrupt() : task.cancel(Task::Reach::pending)) {
    return true;
  }
  // Its code may have caught the first.
  if (options.interrupt) task.interrupt_again();
  return is_cancelled();
}

bool operator==(const AnyFuture& a, const AnyFuture& b) noexcept {
  return a.shared_ == b.shared_;
}

api::ValueTask& detail::Access::task_of(const AnyFuture& future) {
  return *future.shared().task;
}

Value AnyFuture::value(Timeout timeout) const {
  if (!wait(timeout)) throw TimeoutError("the task is not over in time");
  return shared().task->value();
}

}  // namespace libatoll
