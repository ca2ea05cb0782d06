// exec, call and prepare_main, as the module functions and the Interpreter type both need them.
//
// All raise what PEP 734 says the caller gets: NotShareableError for what cannot travel,
// SyntaxError for source that does not compile, InterpreterError for an interpreter that is
// running; and KeyboardInterrupt when Ctrl-C has stopped the code. C++ exceptions of the runtime
// pass through.
#pragma once

#include <Python.h>

#include "runtime/interpreter/interpreter.hpp"
#include "support/state.hpp"

namespace libatoll::bindings {

enum class ScriptKind { any, string, function };

/// TypeError if `code` is not what the function `function` takes.
[[nodiscard]] bool check_script_kind(PyObject* code, ScriptKind kind, const char* function);

/// None, or the snapshot of what went uncaught. `shared` (a dict or null) is bound first.
PyObject* run_script(const State& state, runtime::Interpreter& target, PyObject* code,
                     PyObject* shared);

/// (result, None) or (None, snapshot).
PyObject* call_returning_pair(const State& state, runtime::Interpreter& target, PyObject* callable,
                              PyObject* args, PyObject* kwargs);

/// The result; raises ExecutionFailed for what went uncaught.
PyObject* call_or_raise(const State& state, runtime::Interpreter& target, PyObject* callable,
                        PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);

/// None. `updates` is a dict of names to shareable objects; all are bound or none.
PyObject* bind_in_main(const State& state, runtime::Interpreter& target, PyObject* updates);

}  // namespace libatoll::bindings
