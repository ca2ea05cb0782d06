#include "atoll/channel.hpp"

#include <new>
#include <string>
#include <utility>

#include "api/channel/handles.hpp"
#include "api/value/codec.hpp"

namespace libatoll {

using core::Status;
using detail::Access;

// --- one end -------------------------------------------------------------------------------------

namespace api {

OwnEnd::OwnEnd(const core::Handle<core::ChannelEnds>& ends, core::End end)
    : ref_(core::EndRef::make(ends, end)) {
  if (!ref_) throw std::bad_alloc();
}

void throw_closed(const OwnEnd& end) {
  const core::ChannelEnds& ends = end.ends();
  const std::string number = std::to_string(ends.number());
  const bool is_sender = end.ref().end() == core::End::sending;
  if (!end.is_open()) {
    throw Closed(std::string("this ") + (is_sender ? "Sender" : "Receiver") + " of " +
                 (ends.timer() ? "timer " : "channel ") + number + " was closed");
  }
  if (ends.timer()) {
    throw Closed("timer " + number + " is over: it has expired, or was stopped");
  }
  throw Closed("channel " + number + " is closed: it has no " +
               (is_sender ? "receiver any more" : "sender any more, and nothing is left"));
}

Value unpack(const core::Item& item) {
  if (item.is_unbound) {
    throw ItemInterpreterDestroyed("the interpreter that sent this item has ended");
  }
  return decode(item.message, "item");
}

Value unpack(core::Deadline due) {
  return due.seconds();
}

namespace {

/// A clone; of one that is closed, the same.
template <class End>
std::shared_ptr<const End> copy_of(const std::shared_ptr<const End>& end) {
  if (!end || !end->is_open()) return end;
  return std::make_shared<const End>(end->ref().ends(), end->ref().end());
}

std::size_t size_of(const OwnEnd* end) noexcept {
  const core::Channel* const channel = end ? end->ends().channel() : nullptr;
  return channel ? channel->count() : 0;
}

std::size_t capacity_of(const OwnEnd* end) noexcept {
  const core::Channel* const channel = end ? end->ends().channel() : nullptr;
  return channel ? channel->capacity() : 0;
}

bool same_channel(const OwnEnd* a, const OwnEnd* b) noexcept {
  return a && b ? &a->ends() == &b->ends() : a == b;
}

/// Waits through one end. Throws for all but ok and timed_out.
Status wait_through(const OwnEnd& end, core::Operation& operation, Timeout timeout,
                    core::Receive* receive) {
  CancelToken token;
  const core::EndRef::Use use(end.ref(), token);
  core::Operation* const operations[] = {&operation};
  const Blocked blocked = block_on(operations, timeout, core::Order::given, &token);
  const Status status = blocked.selected.status;
  if (blocked.failure) {
    if (status == Status::ok && receive) {
      end.ends().channel()->put_back(std::move(receive->item()));
    }
    throw *blocked.failure;
  }
  return status;
}

/// False for what is not there, or not in time; throws for all that went wrong.
bool succeeded(const OwnEnd& end, Status status) {
  switch (status) {
    case Status::ok:
      return true;
    case Status::pending:
    case Status::timed_out:
      return false;
    default:
      // cancelled: this end was closed meanwhile.
      throw_common(status);
      throw_closed(end);
  }
}

std::optional<Value> receive_tick(const OwnEnd& end, Timeout timeout) {
  core::Deadline due;
  Status status = end.ends().timer()->try_receive(due);
  if (status == Status::pending && timeout.seconds() > 0) {
    core::Tick tick(*end.ends().timer());
    status = wait_through(end, tick, timeout, nullptr);
    due = tick.due();
  }
  if (!succeeded(end, status)) return std::nullopt;
  return unpack(due);
}

}  // namespace

}  // namespace api

// --- Sender --------------------------------------------------------------------------------------

Sender::Sender(std::shared_ptr<const End> end) noexcept : end_(std::move(end)) {}
Sender::Sender(const Sender& other) : end_(api::copy_of(other.end_)) {}
Sender::Sender(Sender&&) noexcept = default;
Sender& Sender::operator=(const Sender& other) {
  return *this = Sender(other);
}
Sender& Sender::operator=(Sender&&) noexcept = default;
Sender::~Sender() = default;

void Sender::send(const Value& value, Timeout timeout) const {
  if (!try_send(value, timeout)) throw TimeoutError("send() timed out, nothing was sent");
}

bool Sender::try_send(const Value& value, Timeout timeout) const {
  (void)Access::ref(*this);  // open, or it throws
  // Whoever moves or closes the object meanwhile does not take it from under this call.
  const std::shared_ptr<const End> end = end_;
  core::Channel& channel = *end->ends().channel();
  core::Item item(api::encode(value, "value"));
  Status status = channel.try_send(item);
  if (status == Status::pending && timeout.seconds() > 0) {
    core::Send send(channel, std::move(item));
    status = api::wait_through(*end, send, timeout, nullptr);
  }
  return api::succeeded(*end, status);
}

void Sender::close() const noexcept {
  if (end_) end_->close();
}
bool Sender::is_closed() const noexcept {
  return !end_ || !end_->is_open();
}
std::size_t Sender::size() const noexcept {
  return api::size_of(end_.get());
}
std::size_t Sender::capacity() const noexcept {
  return api::capacity_of(end_.get());
}

bool operator==(const Sender& a, const Sender& b) noexcept {
  return api::same_channel(a.end_.get(), b.end_.get());
}

// --- Receiver ------------------------------------------------------------------------------------

Receiver::Receiver(std::shared_ptr<const End> end) noexcept : end_(std::move(end)) {}
Receiver::Receiver(const Receiver& other) : end_(api::copy_of(other.end_)) {}
Receiver::Receiver(Receiver&&) noexcept = default;
Receiver& Receiver::operator=(const Receiver& other) {
  return *this = Receiver(other);
}
Receiver& Receiver::operator=(Receiver&&) noexcept = default;
Receiver::~Receiver() = default;

Value Receiver::recv(Timeout timeout) const {
  if (auto value = try_recv(timeout)) return *std::move(value);
  throw TimeoutError("recv() timed out");
}

std::optional<Value> Receiver::try_recv(Timeout timeout) const {
  (void)Access::ref(*this);  // open, or it throws
  const std::shared_ptr<const End> end = end_;
  if (end->ends().timer()) return api::receive_tick(*end, timeout);
  core::Channel& channel = *end->ends().channel();
  core::Item item;
  Status status = channel.try_receive(item);
  if (status == Status::pending && timeout.seconds() > 0) {
    core::Receive receive(channel);
    status = api::wait_through(*end, receive, timeout, &receive);
    item = std::move(receive.item());
  }
  if (!api::succeeded(*end, status)) return std::nullopt;
  return api::unpack(item);
}

void Receiver::close() const noexcept {
  if (end_) end_->close();
}
bool Receiver::is_closed() const noexcept {
  return !end_ || !end_->is_open();
}
std::size_t Receiver::size() const noexcept {
  return api::size_of(end_.get());
}
std::size_t Receiver::capacity() const noexcept {
  return api::capacity_of(end_.get());
}

bool operator==(const Receiver& a, const Receiver& b) noexcept {
  return api::same_channel(a.end_.get(), b.end_.get());
}

Receiver::Iterator::Iterator(const Receiver& receiver)
    : receiver_(&receiver), value_(std::make_shared<Value>()) {
  (void)Access::ref(receiver);
  ++*this;
}

Receiver::Iterator& Receiver::Iterator::operator++() {
  try {
    *value_ = receiver_->recv();
  } catch (const Closed&) {
    value_.reset();
  }
  return *this;
}

// --- making them ---------------------------------------------------------------------------------

std::pair<Sender, Receiver> channel(std::size_t capacity) {
  const auto ends = core::ChannelEnds::of_channel(capacity);
  if (!ends) throw std::bad_alloc();
  return {Access::make<Sender>(ends, core::End::sending),
          Access::make<Receiver>(ends, core::End::receiving)};
}

}  // namespace libatoll
