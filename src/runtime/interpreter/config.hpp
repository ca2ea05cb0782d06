// atoll::Config -> PyInterpreterConfig.
#pragma once

#include <Python.h>

#include "atoll/base/config.hpp"

namespace libatoll::runtime {

[[nodiscard]] PyInterpreterConfig to_cpython(const Config& config) noexcept;

/// Throws InterpreterError if CPython would refuse the combination.
void require_viable(const Config& config);

}  // namespace libatoll::runtime
