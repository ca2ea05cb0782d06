// What a sender says about an item, as PEP 734's low-level modules spell it: small ints.
#pragma once

#include <Python.h>

#include <cstdint>

#include "core/channel/item.hpp"
#include "support/state.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {

/// Items that cannot go natively: refused, or pickled.
enum class Fallback : std::int32_t { shareable_only = 0, pickle = 1 };

[[nodiscard]] constexpr transfer::Mode mode_of(std::int32_t fallback) noexcept {
  return fallback == static_cast<std::int32_t>(Fallback::shareable_only) ? transfer::Mode::shareable
                                                                         : transfer::Mode::any;
}

/// 1 remove, 2 error, 3 UNBOUND, 0 keep (atoll's own); negative: the default. False with
/// ValueError.
[[nodiscard]] bool convert_policy(int flag, core::UnboundPolicy default_policy,
                                  core::UnboundPolicy& out);
/// 0 shareable only, 1 also pickle; negative: the default. False with ValueError.
[[nodiscard]] bool convert_fallback(int flag, std::int32_t default_fallback, std::int32_t& out);

/// The item that the calling interpreter sends. Error if the object cannot travel.
[[nodiscard]] py::Status make_item(const State& state, PyObject* object, core::UnboundPolicy policy,
                                   std::int32_t fallback, core::Item& out);

/// (object, None), or (None, flag) for an item whose sender is gone.
[[nodiscard]] PyObject* item_to_pair(const State& state, core::Item&& item);

}  // namespace libatoll::bindings
