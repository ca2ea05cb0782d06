// The operating system's part of waiting: a 32-bit word to sleep on. Another system means another
// futex.cpp.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/deadline.hpp"

namespace libatoll::core {

enum class FutexResult : std::uint8_t { woken, interrupted, timed_out };

/// Sleeps while `word` holds `expected`. May return `woken` for no reason. Returns `interrupted`
/// after any signal handler has run in this thread, also one that was installed with SA_RESTART.
FutexResult futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       Deadline deadline) noexcept;

/// Wakes one sleeper. Does not read the word: the memory may be gone by the time of the call.
/// Async-signal-safe.
void futex_wake_one(const std::atomic<std::uint32_t>& word) noexcept;

/// CPUs that this process may run on; spinning is pointless on one.
[[nodiscard]] unsigned usable_cpus() noexcept;

/// Tells the CPU that this is a spin loop.
inline void spin_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace libatoll::core
