// The arguments of a pool, as Python gives them.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "runtime/pool/pool.hpp"
#include "support/state.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {

struct PoolArguments {
  runtime::PoolOptions options;
  /// How functions, arguments and results travel.
  transfer::Mode mode = transfer::Mode::any_by_value;
};

/// From the keywords of `_atoll.Pool`. On failure a Python error is set: TypeError, ValueError,
/// NotShareableError for a call that cannot be sent.
[[nodiscard]] py::Status parse_pool_arguments(State& state, PyObject* args, PyObject* kwargs,
                                              PoolArguments& out);

}  // namespace libatoll::bindings
