#include "atoll/queue.hpp"

#include <new>
#include <string>
#include <utility>

#include "api/channel/handles.hpp"
#include "api/value/codec.hpp"

namespace libatoll {

using core::Status;

namespace {

// Items outlive the interpreter of their sender, and what is not native is pickled.
constexpr core::UnboundPolicy default_policy = core::UnboundPolicy::keep;
constexpr std::int32_t fallback_pickle = 1;

[[noreturn]] void throw_gone(std::int64_t id, Status status) {
  api::throw_common(status);
  throw QueueNotFoundError(id);
}

std::string name_of(const Queue& queue) {
  return "queue " + std::to_string(queue.id());
}

}  // namespace

Queue::Queue(std::shared_ptr<const Shared> shared) noexcept : shared_(std::move(shared)) {}

Queue Queue::create(std::int64_t maxsize) {
  const std::int64_t id =
      core::queues().add(core::Handle<core::Queue>::make(maxsize, default_policy, fallback_pickle),
                         core::no_interpreter);
  if (id < 0) throw std::bad_alloc();
  return from_id(id);
}

Queue Queue::from_id(std::int64_t id) {
  Status status{};
  auto hold = core::QueueInTransit::make(id, status);
  if (!hold) throw_gone(id, status);
  auto queue = core::queues().find(id);
  if (!queue) throw QueueNotFoundError(id);  // destroyed by its id in between
  return Queue(std::make_shared<const Shared>(Shared{id, std::move(hold), std::move(queue)}));
}

const Queue::Shared& Queue::shared() const {
  if (!shared_) throw QueueError("this queue's handle was moved from");
  return *shared_;
}

std::int64_t Queue::id() const noexcept {
  return shared_ ? shared_->id : -1;
}

std::int64_t Queue::maxsize() const {
  return shared().queue->maxsize();
}

std::size_t Queue::size() const {
  const core::Queue& queue = *shared().queue;
  if (queue.state() == core::Channel::State::destroyed) throw QueueNotFoundError(id());
  return queue.count();
}

bool Queue::full() const {
  (void)size();
  return shared().queue->is_full();
}

void Queue::put(const Value& value, Timeout timeout) const {
  if (!try_put(value, timeout)) throw QueueFull(name_of(*this) + " is full");
}

bool Queue::try_put(const Value& value, Timeout timeout) const {
  core::Queue& queue = *shared().queue;
  core::Item item(api::encode(value, "item"));
  Status status = queue.try_put(item);
  if (status == Status::pending && timeout.seconds() > 0) {
    core::Send send(queue, std::move(item));
    core::Operation* const operations[] = {&send};
    const api::Blocked blocked = api::block_on(operations, timeout);
    if (blocked.failure) throw *blocked.failure;
    status = blocked.selected.status;
  }
  if (status == Status::ok) return true;
  if (status == Status::pending || status == Status::timed_out) return false;
  throw_gone(id(), status);
}

Value Queue::get(Timeout timeout) const {
  if (auto value = try_get(timeout)) return *std::move(value);
  throw QueueEmpty(name_of(*this) + " is empty");
}

std::optional<Value> Queue::try_get(Timeout timeout) const {
  core::Queue& queue = *shared().queue;
  core::Item item;
  Status status = queue.try_get(item);
  if (status == Status::pending && timeout.seconds() > 0) {
    core::Receive receive(queue);
    core::Operation* const operations[] = {&receive};
    const api::Blocked blocked = api::block_on(operations, timeout);
    status = blocked.selected.status;
    if (blocked.failure) {
      if (status == Status::ok) queue.put_back(std::move(receive.item()));
      throw *blocked.failure;
    }
    item = std::move(receive.item());
  }
  if (status == Status::ok) return api::unpack(item);
  if (status == Status::pending || status == Status::timed_out) return std::nullopt;
  throw_gone(id(), status);
}

}  // namespace libatoll
