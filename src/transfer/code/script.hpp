// Code for exec: what PEP 734 takes as a script.
#pragma once

#include <Python.h>

#include "core/base/object.hpp"
#include "py/ref.hpp"
#include "transfer/code/record.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

enum class Purity : bool {
  any,
  pure,  ///< functions and code must not touch global names other than builtins
};

/// ValueError unless `code` has no parameters and no free variables and returns nothing but None.
py::Status check_script(Context& context, PyObject* code);

/// The record of a script of any kind. Empty with a Python error set on failure.
core::Handle<CodeRecord> script_record(Context& context, PyObject* script, Purity purity);

}  // namespace libatoll::transfer
