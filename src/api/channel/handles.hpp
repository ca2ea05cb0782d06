// What Queue, Sender and Receiver hold.
#pragma once

#include <cstdint>
#include <memory>

#include "api/channel/blocking.hpp"
#include "atoll/channel.hpp"
#include "atoll/future.hpp"
#include "atoll/queue.hpp"
#include "atoll/shared_buffer.hpp"
#include "atoll/value.hpp"
#include "core/channel/channel_ends.hpp"
#include "core/memory/shared_buffer.hpp"
#include "core/registry/in_transit.hpp"

namespace libatoll {

namespace api {

class ValueTask;

/// One open or closed end.
class OwnEnd {
 public:
  /// Throws std::bad_alloc.
  OwnEnd(const core::Handle<core::ChannelEnds>& ends, core::End end);

  [[nodiscard]] const core::EndRef& ref() const noexcept { return *ref_; }
  [[nodiscard]] core::ChannelEnds& ends() const noexcept { return *ref_->ends(); }
  [[nodiscard]] bool is_open() const noexcept { return ref_->is_open(); }
  /// Cancels the waits that go through this end.
  void close() const noexcept { ref_->close(); }

 private:
  const std::unique_ptr<core::EndRef> ref_;
};

/// Closed, with the reason as text.
[[noreturn]] void throw_closed(const OwnEnd& end);

/// What was received, as a Value. Throws what is wrong with it.
[[nodiscard]] Value unpack(const core::Item& item);
[[nodiscard]] Value unpack(core::Deadline due);

}  // namespace api

struct Queue::Shared {
  std::int64_t id;
  core::Handle<core::QueueInTransit> hold;
  core::Handle<core::Queue> queue;
};

struct Sender::End : api::OwnEnd {
  using OwnEnd::OwnEnd;
};

struct Receiver::End : api::OwnEnd {
  using OwnEnd::OwnEnd;
};

/// For the sources of the API.
struct detail::Access {
  [[nodiscard]] static core::Queue& core_of(const Queue& queue) { return *queue.shared().queue; }
  [[nodiscard]] static core::Handle<core::Object> hold(const Queue& queue) {
    return queue.shared().hold;
  }
  /// Throws ValueError if it was moved from.
  [[nodiscard]] static core::Handle<core::SharedBuffer> memory(const SharedBuffer& buffer) {
    return core::Handle<core::SharedBuffer>::share(&buffer.memory());
  }
  [[nodiscard]] static SharedBuffer make(core::SharedBuffer& memory) {
    return SharedBuffer(core::Handle<core::SharedBuffer>::share(&memory).detach());
  }
  /// Throws Error if it was moved from.
  [[nodiscard]] static api::ValueTask& task_of(const AnyFuture& future);
  /// Throws Closed if it was moved from.
  template <class Side>
  [[nodiscard]] static const api::OwnEnd& end(const Side& side) {
    if (!side.end_) throw Closed("this end of a channel was moved from");
    return *side.end_;
  }
  /// For a call: whoever moves or destroys the object meanwhile does not take it from under that.
  template <class Side>
  [[nodiscard]] static std::shared_ptr<const api::OwnEnd> keep(const Side& side) {
    (void)end(side);
    return side.end_;
  }
  /// Throws Closed if it was moved from, or closed.
  template <class Side>
  [[nodiscard]] static const core::EndRef& ref(const Side& side) {
    const api::OwnEnd& own = end(side);
    if (!own.is_open()) api::throw_closed(own);
    return own.ref();
  }
  template <class Side>
  [[nodiscard]] static Side make(const core::Handle<core::ChannelEnds>& ends, core::End end) {
    return Side(std::make_shared<const typename Side::End>(ends, end));
  }
};

}  // namespace libatoll
