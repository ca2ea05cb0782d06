// Ending somebody's wait before its time.
#pragma once

#include <atomic>

#include "core/parking/parking.hpp"

namespace libatoll::core {

/// Ends a wait of the thread that made it: its Wait::wait() returns `interrupted`, and finds here
/// that it is called off. Any thread may call it off, as long as this object lives.
class Recall {
 public:
  Recall() noexcept : parker_(Parker::current()) {}
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
  Parker* const parker_;
  std::atomic<bool> is_called_off_{false};
};

}  // namespace libatoll::core
