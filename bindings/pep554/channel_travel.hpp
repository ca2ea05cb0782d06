// How channel ids and channel ends travel between interpreters.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// Makes ChannelIDs shareable in this interpreter.
[[nodiscard]] py::Status register_channel_id_type(const State& state);

/// The same for the high-level ends: their `id` is a ChannelID, and `type(number)` makes one. An
/// interpreter that receives one imports the module of the types first.
[[nodiscard]] py::Status register_end_types(const State& state, PyObject* send_type,
                                            PyObject* receive_type);

}  // namespace libatoll::bindings
