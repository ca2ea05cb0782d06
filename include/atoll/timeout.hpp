// How long a blocking call waits.
#pragma once

#include <chrono>
#include <limits>

namespace libatoll {

/// A span of time, or for ever. Made from any std::chrono duration; fractions count. What is not
/// positive means: do not wait.
///
///   queue.get(std::chrono::milliseconds(1500));
///   queue.get();  // for as long as it takes
class Timeout {
 public:
  /// For as long as it takes.
  constexpr Timeout() noexcept = default;
  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> duration) noexcept
      : seconds_(std::chrono::duration<double>(duration).count()) {}

  /// For as long as it takes.
  [[nodiscard]] static constexpr Timeout never() noexcept { return {}; }
  /// Does not wait at all.
  [[nodiscard]] static constexpr Timeout none() noexcept { return std::chrono::seconds(0); }

  /// Infinite for never().
  [[nodiscard]] constexpr double seconds() const noexcept { return seconds_; }

 private:
  double seconds_ = std::numeric_limits<double>::infinity();
};

}  // namespace libatoll
