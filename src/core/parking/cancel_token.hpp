// Ending somebody's wait before its time.
#pragma once

#include <atomic>

#include "core/parking/parking.hpp"

namespace libatoll::core {

/// Ends a wait of the thread that made it: its Wait::wait() returns `interrupted`, and finds here
/// that it is cancelled. Any thread may cancel it, as long as this object lives.
class CancelToken {
 public:
  CancelToken() noexcept : parker_(Parker::current()) {}
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  void cancel() noexcept {
    is_cancelled_.store(true, std::memory_order_release);
    if (parker_) parker_->interrupt();
  }
  [[nodiscard]] bool is_cancelled() const noexcept {
    return is_cancelled_.load(std::memory_order_acquire);
  }

 private:
  Parker* const parker_;
  std::atomic<bool> is_cancelled_{false};
};

}  // namespace libatoll::core
