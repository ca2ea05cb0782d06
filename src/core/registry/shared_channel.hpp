// PEP 554's channel: a channel without limit that knows which interpreters use it.
#pragma once

#include <cstdint>

#include "core/channel/channel.hpp"
#include "core/registry/association.hpp"

namespace libatoll::core {

/// The methods of Channel know nothing of the association: the caller says `users().associate(...)`
/// before it uses an end.
class SharedChannel final : public Channel {
 public:
  /// `fallback` means something to the caller only.
  explicit SharedChannel(UnboundPolicy default_policy = UnboundPolicy::unbound,
                         std::int32_t fallback = 1) noexcept
      : Channel(unbounded), default_policy_(default_policy), fallback_(fallback) {}

  [[nodiscard]] UnboundPolicy default_policy() const noexcept { return default_policy_; }
  [[nodiscard]] std::int32_t fallback() const noexcept { return fallback_; }
  [[nodiscard]] Association& users() noexcept { return users_; }

  /// Releases ends for `id`; closes the channel, items included, if nobody is left.
  [[nodiscard]] Status release_ends(InterpreterId id, End ends) noexcept {
    if (state() == State::destroyed) return Status::destroyed;
    if (state() == State::closed) return Status::closed;
    bool is_last = false;
    const Status status = users_.release(id, ends, is_last);
    if (is_last) {
      was_released_.store(true, std::memory_order_release);
      close(Close::now);
    }
    return status;
  }
  /// Was it closed by the last release_ends()? (PEP 554 still lists such a channel.)
  [[nodiscard]] bool was_released() const noexcept {
    return was_released_.load(std::memory_order_acquire);
  }

  /// Counts as a release of both ends; otherwise the items of `id` follow their policy.
  void interpreter_gone(InterpreterId id) noexcept {
    if (users_.interpreter_gone(id)) {
      close(Close::now);
    } else {
      Channel::interpreter_gone(id);
    }
  }

 private:
  ~SharedChannel() override = default;

  const UnboundPolicy default_policy_;
  const std::int32_t fallback_;
  std::atomic<bool> was_released_{false};
  Association users_;
};

}  // namespace libatoll::core
