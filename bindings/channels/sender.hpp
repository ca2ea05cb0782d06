// What a send through atoll.Sender is made of; for select, too.
#pragma once

#include <Python.h>

#include "channels/end.hpp"
#include "core/channel/item.hpp"

namespace libatoll::bindings {

/// The item that carries `value`. False with a Python error set: the value cannot travel.
[[nodiscard]] bool pack_value(const State& state, PyObject* value, core::Item& item);

}  // namespace libatoll::bindings
