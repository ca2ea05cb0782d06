// Objects of one type on their way from any number of threads to any number of others.
//
// A channel without limit whose items are nothing but one object each: what is taken out of it is
// what was put in, and no one has to say so with a cast.
#pragma once

#include <cstddef>
#include <utility>

#include "core/base/object.hpp"
#include "core/base/status.hpp"
#include "core/channel/channel.hpp"

namespace libatoll::core {

/// A handle on the queue; copies stand for the same one. Any thread.
template <class T>
class ObjectQueue {
 public:
  /// None; it can only be assigned to, and asked whether it is one.
  ObjectQueue() noexcept = default;
  /// Throws std::bad_alloc.
  [[nodiscard]] static ObjectQueue make() {
    return ObjectQueue(Handle<Channel>::make(Channel::unbounded));
  }
  explicit operator bool() const noexcept { return static_cast<bool>(channel_); }

  /// `object` may be empty, and arrives so. ok, closed, no_memory.
  [[nodiscard]] Status try_put(Handle<T> object) const noexcept {
    Item item = item_of(std::move(object));
    return channel_->try_send(item);
  }
  /// ok, pending (nothing is there), closed (and nothing is left).
  [[nodiscard]] Status try_take(Handle<T>& object) const noexcept {
    Item item;
    const Status status = channel_->try_receive(item);
    if (status == Status::ok) object = object_in(item);
    return status;
  }
  /// Waits. As Channel::receive().
  [[nodiscard]] Status take(Handle<T>& object, const WaitOptions& options = {}) const noexcept {
    Item item;
    const Status status = channel_->receive(item, options);
    if (status == Status::ok) object = object_in(item);
    return status;
  }
  /// As Channel::put_back().
  void put_back(Handle<T> object) const noexcept { channel_->put_back(item_of(std::move(object))); }
  Status close(Channel::Close how) const noexcept { return channel_->close(how); }
  [[nodiscard]] std::size_t count() const noexcept { return channel_->count(); }

  /// The taking of an object as an operation.
  class Taking {
   public:
    /// The queue outlives it.
    explicit Taking(const ObjectQueue& queue, Receive::Line line = Receive::Line::back) noexcept
        : receive_(*queue.channel_, line) {}

    [[nodiscard]] Operation& operation() noexcept { return receive_; }
    /// After Status::ok.
    [[nodiscard]] Handle<T> object() noexcept { return object_in(receive_.item()); }

   private:
    Receive receive_;
  };

 private:
  explicit ObjectQueue(Handle<Channel> channel) noexcept : channel_(std::move(channel)) {}

  [[nodiscard]] static Item item_of(Handle<T> object) noexcept {
    Item item;
    item.message.attach(Handle<Object>(std::move(object)));
    return item;
  }
  [[nodiscard]] static Handle<T> object_in(const Item& item) noexcept {
    if (item.message.attachment_count() == 0) return {};
    return Handle<T>::share(static_cast<T*>(item.message.attachment(0)));
  }

  Handle<Channel> channel_;
};

}  // namespace libatoll::core
