// What keeps a queue or channel in its registry for somebody who is in no interpreter: a message on
// its way, or a C++ program.
#pragma once

#include <cstdint>
#include <new>

#include "core/base/in_turn.hpp"
#include "core/base/object.hpp"
#include "core/registry/registry.hpp"

namespace libatoll::core {

/// One bind that belongs to no interpreter. Freed by any thread.
template <class T, Registry<T>& (*registry)() noexcept>
class InTransit final : public DestroyedInTurn {
 public:
  /// Null: there is no such object any more, or no memory (`status` says which).
  [[nodiscard]] static Handle<InTransit> make(std::int64_t id, Status& status) noexcept {
    auto* object = new (std::nothrow) InTransit(id);
    if (!object) {
      status = Status::no_memory;
      return {};
    }
    auto handle = Handle<InTransit>::adopt(object);
    status = registry().bind(id, no_interpreter);
    if (status != Status::ok) return {};
    object->is_bound_ = true;
    return handle;
  }

 private:
  explicit InTransit(std::int64_t id) noexcept : id_(id) {}
  ~InTransit() override {
    if (is_bound_) (void)registry().release(id_, no_interpreter);
  }

  const std::int64_t id_;
  bool is_bound_ = false;
};

using QueueInTransit = InTransit<Queue, queues>;
using ChannelInTransit = InTransit<SharedChannel, channels>;

}  // namespace libatoll::core
