// Gives memory back to the system some time after it was freed.
//
// Freed memory stays with the process in two places: in the blocks that are kept for the next large
// messages (memory/block.hpp), and in malloc's free lists, wherever something that lives lies
// above. Both make what comes next quick. So nothing is given back while it is in use, or was a
// second ago: a thread that is started when there is something to give back looks once a second,
// and ends when there is nothing left. What is used all the time never pays.
//
// malloc does not tell how much it holds. The core counts what it has allocated itself; when that
// has fallen well below its peak, malloc is asked to give back what it can (malloc_trim).
#pragma once

#include <cstddef>
#include <cstdint>

namespace libatoll::core {

namespace reclaim_detail {
/// Of this thread, not yet added to the count of the process.
extern constinit thread_local std::ptrdiff_t uncounted;
inline constexpr std::ptrdiff_t batch = std::ptrdiff_t{64} << 10;
void add_to_count() noexcept;
}  // namespace reclaim_detail

/// Memory of malloc's, or of operator new, was taken by the core. A few nanoseconds, in any thread.
inline void note_allocated(std::size_t bytes) noexcept {
  reclaim_detail::uncounted += static_cast<std::ptrdiff_t>(bytes);
  if (reclaim_detail::uncounted >= reclaim_detail::batch) reclaim_detail::add_to_count();
}
inline void note_freed(std::size_t bytes) noexcept {
  reclaim_detail::uncounted -= static_cast<std::ptrdiff_t>(bytes);
  if (reclaim_detail::uncounted <= -reclaim_detail::batch) reclaim_detail::add_to_count();
}

/// What keeps freed memory: one for the process.
struct KeptMemory {
  std::size_t (*bytes)() noexcept;
  /// Gives back what was freed before that time (of monotonic_now()).
  void (*drop_before)(std::int64_t time) noexcept;
};

/// There is something to give back, a second from now if it is not used till then.
void reclaim_later(const KeptMemory& kept) noexcept;

/// How long freed memory is kept, in nanoseconds.
inline constexpr long long reclaim_patience = 1'000'000'000;

/// At once, all that is kept; for tests.
void reclaim_now() noexcept;

// Around fork(): the child has no such thread.
void reclaim_before_fork() noexcept;
void reclaim_after_fork_in_parent() noexcept;
void reclaim_after_fork_in_child() noexcept;

}  // namespace libatoll::core
