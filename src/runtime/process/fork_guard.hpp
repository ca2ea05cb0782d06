// Refuses a fork while other interpreters are open.
//
// The child of such a fork dies in CPython, which ends all interpreters but the main one there. The
// audit event that comes before a fork is the last moment at which it can be stopped.
#pragma once

namespace libatoll::runtime::lifecycle {

/// From now on `os.fork()` and `os.forkpty()` raise RuntimeError while interpreters other than the
/// main one are open. The second time it does nothing. With the GIL of any interpreter.
void guard_forks() noexcept;

/// CPython has ended, and its audit hooks with it.
void forget_fork_guard() noexcept;

}  // namespace libatoll::runtime::lifecycle
