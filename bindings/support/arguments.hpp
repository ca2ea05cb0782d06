// Converters for PyArg_ParseTupleAndKeywords ("O&").
#pragma once

#include <Python.h>

#include <cstdint>

#include "py/ref.hpp"
#include "runtime/interpreter/registry.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

/// An interpreter id (`std::int64_t*`): TypeError unless an int, ValueError if negative,
/// OverflowError from 2**63 on.
int convert_interpreter_id(PyObject* object, void* out);

/// Exactly a dict (`PyObject**`), for the argument `name`; TypeError worded as this CPython's
/// `_interpreters` words it.
[[nodiscard]] bool require_dict(PyObject* object, const char* function, int position,
                                const char* name);

/// The record of a live interpreter. Throws InterpreterNotFoundError; with `restricted`, throws
/// InterpreterError "cannot <action> unrecognized interpreter <id>" for all that atoll did not
/// make.
[[nodiscard]] runtime::InterpreterHandle find_interpreter(std::int64_t id, bool restricted,
                                                          const char* action);
void require_own(const runtime::Interpreter& interpreter, const char* action);

}  // namespace libatoll::bindings
