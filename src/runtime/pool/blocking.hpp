// How a thread blocks in atoll: without a GIL, and as one that Ctrl-C and the end of its task
// reach.
#pragma once

#include <cstdint>

#include "core/parking/cancel_token.hpp"
#include "core/wait/select.hpp"

namespace libatoll::runtime {

/// What made a wait end that was not over.
enum class Interruption : std::uint8_t {
  none,
  raised,  ///< a Python error is set: a signal handler's, or the thread's task was told to stop
  ctrl_c,  ///< the caller is to raise KeyboardInterrupt; no Python error is set
};

struct Blocked {
  /// `cancelled` without an interruption: by the token. After an interruption an operation may have
  /// been carried out in that very moment (`ok`): what it received must not be lost.
  core::Selected selected;
  Interruption interruption = Interruption::none;
};

/// Waits with `wait`, which was not waited with yet. Where the thread is inside an interpreter, its
/// GIL is let go of, and signal handlers run meanwhile; the operations keep their places in line
/// and their deadlines.
[[nodiscard]] Blocked block_on(core::Wait& wait, const core::CancelToken* token = nullptr);

}  // namespace libatoll::runtime
