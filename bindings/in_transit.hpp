// What keeps a queue or channel in its registry while a message carries it.
#pragma once

#include <cstdint>
#include <new>

#include "core/object.hpp"
#include "core/registry.hpp"

namespace libatoll::bindings {

/// One bind that belongs to no interpreter. Freed with the message, by any thread.
template <class T, core::Registry<T>& (*registry)() noexcept>
class InTransit final : public core::Object {
 public:
  /// Null: there is no such object any more, or no memory (`status` says which).
  [[nodiscard]] static core::Handle<InTransit> make(std::int64_t id,
                                                    core::Status& status) noexcept {
    auto* object = new (std::nothrow) InTransit(id);
    if (!object) {
      status = core::Status::no_memory;
      return {};
    }
    auto handle = core::Handle<InTransit>::adopt(object);
    status = registry().bind(id, core::no_interpreter);
    if (status != core::Status::ok) return {};
    object->is_bound_ = true;
    return handle;
  }

 private:
  explicit InTransit(std::int64_t id) noexcept : id_(id) {}
  ~InTransit() override {
    if (is_bound_) (void)registry().release(id_, core::no_interpreter);
  }

  const std::int64_t id_;
  bool is_bound_ = false;
};

using QueueInTransit = InTransit<core::Queue, core::queues>;
using ChannelInTransit = InTransit<core::SharedChannel, core::channels>;

}  // namespace libatoll::bindings
