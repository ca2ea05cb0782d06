// atoll::Value <-> Message, in the wire format of transfer/codec.hpp, without an interpreter.
//
// What encode() writes, every interpreter reads, and decode() reads what interpreters write, as far
// as it is of the kinds that a Value has: references to objects that were met before become copies,
// records become dicts. Neither needs a GIL, or a Python that runs.
#pragma once

#include <string_view>

#include "atoll/value.hpp"
#include "core/memory/message.hpp"

namespace libatoll::api {

/// Throws NotShareableError for text that is not UTF-8, keys that Python could not have, and values
/// nested too deeply; Closed for an end of a channel that is closed, QueueNotFoundError. `what`
/// names the value in errors.
[[nodiscard]] core::Message encode(const Value& value, std::string_view what);

/// Throws NotShareableError, which names the kind, for everything that is no Value.
[[nodiscard]] Value decode(const core::Message& message, std::string_view what);

}  // namespace libatoll::api
