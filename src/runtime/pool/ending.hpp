// What becomes of pools when those end to whom they belong.
#pragma once

#include "core/base/deadline.hpp"
#include "runtime/interpreter/interpreter.hpp"

namespace libatoll::runtime {

/// From now on forks, and the ends of interpreters and of the process, are those of the pools as
/// well. Before the first pool is made.
void watch_ends() noexcept;

/// Shuts down the pools of `home` (null: all there are) and waits until they have ended: what was
/// submitted is carried out. After a Ctrl-C they are told to stop instead, and have half a second
/// for that. Pools that were told to stop before, or that the calling thread works for, are not
/// waited for. False: some may not have ended. With any GIL or none; it is given up meanwhile. No
/// Python error may be set.
bool finish_pools(const Interpreter* home) noexcept;

/// Tells all pools to stop: what runs is interrupted, the rest cancelled. False: some have not
/// ended at `deadline`.
[[nodiscard]] bool stop_pools(core::Deadline deadline) noexcept;

}  // namespace libatoll::runtime
