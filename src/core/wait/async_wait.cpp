#include "core/wait/async_wait.hpp"

#include <utility>

namespace libatoll::core {

AsyncWait::AsyncWait(Handle<Mailbox> mailbox, std::span<Operation* const> operations,
                     Order order) noexcept
    : Waiter(*mailbox), mailbox_(std::move(mailbox)), selection_(operations, order) {}

Selected AsyncWait::start() noexcept {
  if (selection_.try_all()) return selection_.result();
  if (mailbox_->is_closing()) return {Status::interpreter_closed};
  return enqueue();
}

Selected AsyncWait::take_result() noexcept {
  selection_.finish(*this);
  return selection_.result();
}

Selected AsyncWait::expire() noexcept {
  if (!try_cancel()) return {};
  selection_.abandon_all();
  if (selection_.try_all()) return selection_.result();
  return enqueue();
}

Selected AsyncWait::cancel() noexcept {
  if (!try_cancel()) return {};
  selection_.abandon_all();
  return {Status::cancelled};
}

Selected AsyncWait::enqueue() noexcept {
  return selection_.enqueue_all(*this) ? selection_.result() : Selected{};
}

}  // namespace libatoll::core
