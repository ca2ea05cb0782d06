// Objects that travel between interpreters as a number: they have an `id`, and `type(id)` makes
// one.
#pragma once

#include <Python.h>

#include <cstdint>

#include "py/ref.hpp"
#include "support/state.hpp"
#include "transfer/classes/extension_types.hpp"

namespace libatoll::bindings {

/// Reads `object.id` of a `kind`. False with a Python error set.
[[nodiscard]] bool id_of(PyObject* object, const char* kind, std::int64_t& id);

/// Lets objects of `type` travel. `home`: the module that a receiver imports to know the type;
/// `encode` puts the id into the value.
[[nodiscard]] py::Status register_by_id(const State& state, PyObject* type, transfer::Tag tag,
                                        bool shareable, const char* home,
                                        decltype(transfer::ExtensionType::encode) encode);

}  // namespace libatoll::bindings
