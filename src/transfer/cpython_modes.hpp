// The single ways of transfer, each on its own: what CPython's tests call cross-interpreter modes.
#pragma once

#include <Python.h>

#include <optional>
#include <string_view>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

enum class CrossMode {
  xidata,  ///< PEP 734's shareable types
  pickle,
  marshal,
  code,         ///< code objects
  func,         ///< stateless functions
  script,       ///< scripts; they come out as code objects
  script_pure,  ///< scripts whose functions and code touch no globals but builtins
  fallback,     ///< xidata, func, pickle
};

std::optional<CrossMode> parse_cross_mode(std::string_view name) noexcept;

/// On failure NotShareableError is set, with what went wrong as its cause. decode() undoes it.
py::Status encode_mode(Context& context, PyObject* object, CrossMode mode, core::Message& out);

}  // namespace libatoll::transfer
