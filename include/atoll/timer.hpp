// Points in time to receive from.
#pragma once

#include "atoll/channel.hpp"
#include "atoll/timeout.hpp"

namespace libatoll {

// Both return a Receiver that behaves as any other, in recv(), select() and range-for. What it
// receives is when the expiry was due, as a float: seconds of the monotonic clock, those of
// Python's time.monotonic(). Copies share the timer: each expiry is received once. There is no
// thread behind it. With the last Receiver the timer ends. It can be handed to Python as any
// Receiver can.

/// Receives one value, `delay` from now, and is closed then. With Timeout::never() it never comes.
[[nodiscard]] Receiver after(Timeout delay);

/// Receives a value every `interval`. It keeps to its schedule: of expiries that nobody received in
/// time one is kept. Throws ValueError if the interval is not positive.
[[nodiscard]] Receiver ticker(Timeout interval);

}  // namespace libatoll
