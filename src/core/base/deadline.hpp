// Points in time on the monotonic clock.
#pragma once

#include <cstdint>
#include <limits>

namespace libatoll::core {

/// Nanoseconds of CLOCK_MONOTONIC.
[[nodiscard]] std::int64_t monotonic_now() noexcept;

/// The moment at which a wait times out. Computed once, so that a wait that is interrupted and
/// resumed keeps the deadline it started with.
class Deadline {
 public:
  /// Never: waits for as long as it takes.
  constexpr Deadline() noexcept = default;
  [[nodiscard]] static constexpr Deadline never() noexcept { return Deadline(); }
  /// Already over.
  [[nodiscard]] static constexpr Deadline past() noexcept { return Deadline(0); }
  [[nodiscard]] static constexpr Deadline at(std::int64_t nanoseconds) noexcept {
    return Deadline(nanoseconds);
  }
  /// `seconds` from now; fractions count, what is not positive is over at once, what is too large
  /// for the clock (infinity, and NaN for want of a better meaning) never comes.
  [[nodiscard]] static Deadline after(double seconds) noexcept {
    if (seconds <= 0) return past();
    if (!(seconds < 9.0e9)) return never();  // 285 years
    return Deadline(monotonic_now() + static_cast<std::int64_t>(seconds * 1e9));
  }

  [[nodiscard]] constexpr bool is_never() const noexcept { return nanoseconds_ == never_; }
  [[nodiscard]] bool is_over() const noexcept {
    return !is_never() && (nanoseconds_ <= 0 || monotonic_now() >= nanoseconds_);
  }
  [[nodiscard]] constexpr std::int64_t nanoseconds() const noexcept { return nanoseconds_; }
  /// On the clock of nanoseconds(), which is that of Python's time.monotonic().
  [[nodiscard]] constexpr double seconds() const noexcept {
    return static_cast<double>(nanoseconds_) * 1e-9;
  }
  /// Seconds from now, 0 if over, infinity if never.
  [[nodiscard]] double seconds_left() const noexcept {
    if (is_never()) return std::numeric_limits<double>::infinity();
    const std::int64_t left = nanoseconds_ - monotonic_now();
    return left > 0 ? static_cast<double>(left) * 1e-9 : 0.0;
  }

  friend constexpr bool operator==(Deadline a, Deadline b) noexcept {
    return a.nanoseconds_ == b.nanoseconds_;
  }
  friend constexpr bool operator<(Deadline a, Deadline b) noexcept {
    return a.nanoseconds_ < b.nanoseconds_;
  }
  friend constexpr bool operator>(Deadline a, Deadline b) noexcept { return b < a; }

 private:
  static constexpr std::int64_t never_ = std::numeric_limits<std::int64_t>::max();
  explicit constexpr Deadline(std::int64_t nanoseconds) noexcept : nanoseconds_(nanoseconds) {}
  std::int64_t nanoseconds_ = never_;
};

}  // namespace libatoll::core
