// What a channel carries: a message, and what is known of its sender.
#pragma once

#include <cstdint>
#include <utility>

#include "core/base/status.hpp"
#include "core/memory/message.hpp"

namespace libatoll::core {

/// What becomes of an item when its sender's interpreter is gone. Values as in PEP 734's modules.
enum class UnboundPolicy : std::uint8_t {
  keep = 0,     ///< nothing: a message refers to no object of its sender
  remove = 1,   ///< it vanishes
  error = 2,    ///< it stays without its message; receiving it is an error
  unbound = 3,  ///< it stays without its message; receiving it gives UNBOUND
};

struct Item {
  Item() noexcept = default;
  explicit Item(Message content, InterpreterId sender = no_interpreter,
                UnboundPolicy on_gone = UnboundPolicy::keep) noexcept
      : message(std::move(content)), interpreter(sender), policy(on_gone) {}

  Message message;
  InterpreterId interpreter = no_interpreter;  ///< the sender's
  UnboundPolicy policy = UnboundPolicy::keep;
  bool is_unbound = false;  ///< the sender's interpreter is gone and took the message along
};

}  // namespace libatoll::core
