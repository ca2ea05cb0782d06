// `_atoll.ChannelInfo`: a channel's state as a named tuple.
#pragma once

#include <Python.h>

#include "core/registry/shared_channel.hpp"
#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// A new type of the module; null with a Python error set on failure.
PyTypeObject* make_channel_info_type(PyObject* module);

/// The state of `channel` right now, as the calling interpreter sees it.
[[nodiscard]] py::Ref make_channel_info(const State& state, core::SharedChannel& channel);

}  // namespace libatoll::bindings
