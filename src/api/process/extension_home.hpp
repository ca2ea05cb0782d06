// Where Python's types of Queue, Sender and Receiver are at home.
#pragma once

#include "transfer/classes/extension_types.hpp"

namespace libatoll::api {

/// Before a value of that type is sent: a receiver may be the first to import it.
inline void make_home_known(transfer::Tag tag) {
  transfer::set_extension_home(
      tag, tag == transfer::Tag::queue ? "atoll.interpreters._queues" : "atoll._atoll");
}

}  // namespace libatoll::api
