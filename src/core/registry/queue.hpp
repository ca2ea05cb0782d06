// PEP 734's queue: a channel with a maxsize and defaults for its items. Everything else is
// Channel's: put and get are its send and receive, `full` and `empty` are Status::timed_out or
// Status::pending.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/channel/channel.hpp"

namespace libatoll::core {

class Queue final : public Channel {
 public:
  /// Not positive: without limit, but reported as given. `fallback` means something to the caller
  /// only (PEP 734: may items be pickled?).
  explicit Queue(std::int64_t maxsize, UnboundPolicy default_policy = UnboundPolicy::unbound,
                 std::int32_t fallback = 1) noexcept
      : Channel(maxsize > 0 ? static_cast<std::size_t>(maxsize) : unbounded),
        maxsize_(maxsize),
        default_policy_(default_policy),
        fallback_(fallback) {}

  [[nodiscard]] std::int64_t maxsize() const noexcept { return maxsize_; }
  [[nodiscard]] UnboundPolicy default_policy() const noexcept { return default_policy_; }
  [[nodiscard]] std::int32_t fallback() const noexcept { return fallback_; }

  [[nodiscard]] Status try_put(Item& item) noexcept { return try_send(item); }
  [[nodiscard]] Status try_get(Item& item) noexcept { return try_receive(item); }
  [[nodiscard]] Status put(Item& item, const WaitOptions& options = {}) noexcept {
    return send(item, options);
  }
  [[nodiscard]] Status get(Item& item, const WaitOptions& options = {}) noexcept {
    return receive(item, options);
  }

 private:
  ~Queue() override = default;

  const std::int64_t maxsize_;
  const UnboundPolicy default_policy_;
  const std::int32_t fallback_;
};

}  // namespace libatoll::core
