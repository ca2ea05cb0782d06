// How the public API waits: without a GIL, wherever the calling thread is.
#pragma once

#include <optional>
#include <span>

#include "atoll/error.hpp"
#include "atoll/timeout.hpp"
#include "core/parking/cancel_token.hpp"
#include "core/wait/operation.hpp"
#include "core/wait/select.hpp"

namespace libatoll::api {

using core::CancelToken;

struct Blocked {
  /// `cancelled`: it was cancelled.
  core::Selected selected;
  /// A Ctrl-C ended the wait. An operation may have been carried out in that very moment: what it
  /// received goes back, then this is thrown.
  std::optional<ExecutionFailed> failure;
};

/// Waits for one of `operations`, on behalf of the interpreter that the calling thread is in, if
/// any.
[[nodiscard]] Blocked block_on(std::span<core::Operation* const> operations, Timeout timeout,
                               core::Order order = core::Order::given,
                               const CancelToken* token = nullptr);

/// Throws for the statuses that mean the same everywhere: interpreter_closed, no_memory.
void throw_common(core::Status status);

}  // namespace libatoll::api
