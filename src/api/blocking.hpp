// How the public API waits: without a GIL, wherever the calling thread is.
#pragma once

#include <atomic>
#include <optional>
#include <span>

#include "atoll/error.hpp"
#include "atoll/timeout.hpp"
#include "core/operation.hpp"
#include "core/parking.hpp"
#include "core/select.hpp"

namespace libatoll::api {

/// Ends a wait of the thread that made it, before its time. Any thread.
class Recall {
 public:
  Recall() noexcept : parker_(core::Parker::current()) {}
  Recall(const Recall&) = delete;
  Recall& operator=(const Recall&) = delete;

  void call_off() noexcept {
    is_called_off_.store(true, std::memory_order_release);
    if (parker_) parker_->interrupt();
  }
  [[nodiscard]] bool is_called_off() const noexcept {
    return is_called_off_.load(std::memory_order_acquire);
  }

 private:
  core::Parker* const parker_;
  std::atomic<bool> is_called_off_{false};
};

struct Blocked {
  /// `cancelled`: it was called off.
  core::Selected selected;
  /// A Ctrl-C ended the wait. An operation may have been carried out in that very moment: what it
  /// received goes back, then this is thrown.
  std::optional<ExecutionFailed> failure;
};

/// Waits for one of `operations`, on behalf of the interpreter that the calling thread is in, if
/// any.
[[nodiscard]] Blocked block_on(std::span<core::Operation* const> operations, Timeout timeout,
                               core::Order order = core::Order::given,
                               const Recall* recall = nullptr);

/// Throws for the statuses that mean the same everywhere: interpreter_closed, no_memory.
void throw_common(core::Status status);

}  // namespace libatoll::api
