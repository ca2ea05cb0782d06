// What a reception through atoll.Receiver is made of; for select, too.
#pragma once

#include <Python.h>

#include "channels/end.hpp"
#include "core/channel/channel.hpp"
#include "core/channel/timer.hpp"

namespace libatoll::bindings {

/// The value that a message carries. Null with a Python error set.
[[nodiscard]] PyObject* unpack_value(const State& state, core::Item&& item);
/// What a timer gives: when it was due, in the seconds of time.monotonic().
[[nodiscard]] PyObject* unpack_tick(core::Deadline due);

}  // namespace libatoll::bindings
