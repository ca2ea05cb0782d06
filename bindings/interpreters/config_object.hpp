// atoll::Config <-> the SimpleNamespace of `_interpreters.new_config()`.
#pragma once

#include "atoll/config.hpp"
#include "py/ref.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

py::Ref config_to_python(const State& state, const Config& config);

/// From None, a preset name, or a namespace with exactly the right attributes.
py::Status config_from_python(const State& state, PyObject* object, Config& out);

/// Replaces the fields that `overrides` (a dict, or null) names.
py::Status apply_overrides(PyObject* overrides, Config& config);

}  // namespace libatoll::bindings
