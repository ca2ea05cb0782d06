// `_atoll.ChannelID`: names a channel, or one end of it, and counts as a reference.
//
// When the last ChannelID of a channel is gone, in all interpreters and in messages, the channel is
// destroyed. An id that was forced into being for a channel that does not exist holds nothing.
#pragma once

#include <Python.h>

#include <cstdint>

#include "core/registry/association.hpp"
#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// A new heap type of the module; null with a Python error set on failure.
PyTypeObject* make_channel_id_type(PyObject* module);

/// A new ChannelID. Without `force`, ChannelNotFoundError if there is no such channel.
[[nodiscard]] py::Ref make_channel_id(State& state, std::int64_t id, core::End end, bool force);

struct ChannelName {
  std::int64_t id = 0;
  core::End end = core::End::both;
};

/// What a ChannelID, or an int of a channel, names. False with a Python error set.
[[nodiscard]] bool convert_channel_name(const State& state, PyObject* object, ChannelName& out);

}  // namespace libatoll::bindings
