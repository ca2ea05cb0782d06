#include "atoll/select.hpp"

#include <new>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "api/channel/handles.hpp"
#include "api/pool/tasks.hpp"
#include "api/value/codec.hpp"
#include "atoll/timer.hpp"

namespace libatoll {

using core::Status;
using detail::Access;

/// Keeps what it is about alive; `value` is to be sent.
struct Case::What {
  std::shared_ptr<const api::OwnEnd> end;
  std::optional<Queue> queue;
  std::optional<Value> value;
  std::optional<AnyFuture> future;
};

Case::Case(const Receiver& receiver)
    : what_(std::make_shared<const What>(What{Access::keep(receiver), {}, {}, {}})) {}
Case::Case(const Sender& sender, const Value& value)
    : what_(std::make_shared<const What>(What{Access::keep(sender), {}, value, {}})) {}
Case::Case(const Queue& queue) : what_(std::make_shared<const What>(What{{}, queue, {}, {}})) {}
Case::Case(const Queue& queue, const Value& value)
    : what_(std::make_shared<const What>(What{{}, queue, value, {}})) {}

Case::Case(const AnyFuture& future) {
  (void)Access::task_of(future);  // there is one
  what_ = std::make_shared<const What>(What{{}, {}, {}, future});
}

struct detail::Attempt {
  using What = Case::What;

  /// Throws Closed for an end that is closed itself.
  void prepare(const Case& given, api::CancelToken& token) {
    what = given.what_.get();
    if (!what) return;
    if (const api::OwnEnd* end = what->end.get()) {
      use.begin(end->ref(), token);
      if (!end->is_open()) api::throw_closed(*end);
    }
    if (what->future) {
      operation.emplace<core::Completion>(Access::task_of(*what->future));
    } else if (core::Timer* timer = this->timer()) {
      operation.emplace<core::Tick>(*timer);
    } else if (what->value) {
      operation.emplace<core::Send>(channel(), core::Item(api::encode(*what->value, "value")));
    } else {
      operation.emplace<core::Receive>(channel());
    }
  }

  [[nodiscard]] core::Timer* timer() const {
    return what->end ? what->end->ends().timer() : nullptr;
  }
  [[nodiscard]] core::Channel& channel() const {
    return what->end ? *what->end->ends().channel() : Access::core_of(*what->queue);
  }
  [[nodiscard]] core::Operation* as_operation() {
    return std::visit(
        []<class T>(T& held) -> core::Operation* {
          if constexpr (std::is_same_v<T, std::monostate>) {
            return nullptr;
          } else {
            return &held;
          }
        },
        operation);
  }

  /// After it was carried out, or has failed.
  [[nodiscard]] Selected result(std::size_t index, Status status) {
    if (status == Status::ok) return {index, take_value()};
    api::throw_common(status);
    if (what->queue) throw QueueNotFoundError(what->queue->id());
    if (what->value || !what->end->is_open()) api::throw_closed(*what->end);
    return {index, {}, true};
  }

  /// Nobody is there to take what was received.
  void put_back() {
    if (auto* receive = std::get_if<core::Receive>(&operation)) {
      channel().put_back(std::move(receive->item()));
    }
  }

  const What* what = nullptr;
  core::EndRef::Use use;
  std::variant<std::monostate, core::Send, core::Receive, core::Tick, core::Completion> operation;

 private:
  [[nodiscard]] Value take_value() {
    if (what->future) return Access::task_of(*what->future).value();
    if (const auto* tick = std::get_if<core::Tick>(&operation)) return api::unpack(tick->due());
    auto* receive = std::get_if<core::Receive>(&operation);
    if (!receive) return {};
    return api::unpack(receive->item());
  }
};

namespace {

using detail::Attempt;

[[noreturn]] void throw_cancelled(std::span<const Attempt> attempts) {
  for (const Attempt& each : attempts) {
    if (each.what && each.what->end && !each.what->end->is_open()) {
      api::throw_closed(*each.what->end);
    }
  }
  throw Closed("an end of a channel was closed");
}

}  // namespace

std::optional<Selected> try_select(std::span<const Case> cases, Timeout timeout,
                                   SelectOrder order) {
  api::CancelToken token;
  std::vector<Attempt> attempts(cases.size());
  std::vector<core::Operation*> operations(cases.size());
  bool can_be_ready = timeout.seconds() < Timeout::never().seconds();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    attempts[i].prepare(cases[i], token);
    operations[i] = attempts[i].as_operation();
    can_be_ready |= operations[i] != nullptr;
  }
  if (!can_be_ready) throw ValueError("select() would wait for ever: no case can become ready");

  const auto core_order = order == SelectOrder::given ? core::Order::given : core::Order::random;
  api::Blocked blocked;
  if (timeout.seconds() > 0) {
    blocked = api::block_on(operations, timeout, core_order, &token);
  } else {
    blocked.selected = core::try_select(operations, core_order);
  }
  const auto [status, index] = blocked.selected;
  if (blocked.failure) {
    if (status == Status::ok) attempts[index].put_back();
    throw *blocked.failure;
  }
  if (index != core::Selected::none) return attempts[index].result(index, status);
  if (status == Status::pending || status == Status::timed_out) return std::nullopt;
  api::throw_common(status);
  throw_cancelled(attempts);
}

std::optional<Selected> try_select(std::initializer_list<Case> cases, Timeout timeout,
                                   SelectOrder order) {
  return try_select(std::span(cases.begin(), cases.size()), timeout, order);
}

Selected select(std::span<const Case> cases, Timeout timeout, SelectOrder order) {
  if (auto selected = try_select(cases, timeout, order)) return *std::move(selected);
  throw TimeoutError("select() timed out");
}

Selected select(std::initializer_list<Case> cases, Timeout timeout, SelectOrder order) {
  return select(std::span(cases.begin(), cases.size()), timeout, order);
}

// --- timers --------------------------------------------------------------------------------------

namespace {

Receiver receiver_of(core::Handle<core::Timer> timer) {
  const auto ends = core::ChannelEnds::of_timer(std::move(timer));
  if (!ends) throw std::bad_alloc();
  return Access::make<Receiver>(ends, core::End::receiving);
}

}  // namespace

Receiver after(Timeout delay) {
  return receiver_of(core::Timer::after(delay.seconds()));
}

Receiver ticker(Timeout interval) {
  if (!(interval.seconds() > 0)) throw ValueError("a ticker needs a positive interval");
  return receiver_of(core::Timer::ticker(interval.seconds()));
}

}  // namespace libatoll
