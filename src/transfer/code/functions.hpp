// Functions and other things that have a name in a module.
#pragma once

#include <Python.h>

#include <cstdint>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

enum class Answer : signed char { error = -1, no = 0, yes = 1 };

/// PEP 734's stateless functions: no closure, no defaults, no names but builtins from outside.
/// `why` says what is in the way.
Answer is_stateless(Context& context, PyObject* function, const char*& why);

/// Does the code read or write names of its module other than builtins?
Answer uses_globals(Context& context, PyObject* code, PyObject* globals, PyObject* builtins);

/// Do functions, comprehensions or classes inside of the function do that?
Answer inner_code_uses_globals(Context& context, PyObject* function);

/// Where a function, class or builtin is found again. References are borrowed from the object or
/// from the interpreter's interned names, except `holder`, which keeps them alive.
struct GlobalName {
  PyObject* module = nullptr;
  PyObject* qualname = nullptr;
  bool in_main = false;   ///< of `__main__`, or of a stand-in of another interpreter's
  std::int64_t home = 0;  ///< in_main: the interpreter whose `__main__` it is
  py::Ref holder;
};

/// Fills `name` if looking it up leads to the identical object. May run Python code when the
/// qualified name has dots. Never leaves an error set.
bool find_global_name(Context& context, PyObject* object, GlobalName& name) noexcept;

/// The object behind module and qualified name; imports the module if need be.
py::Ref resolve_global(Context& context, PyObject* module, PyObject* qualname);

/// `a.b.c` from `start`. Error: AttributeError.
py::Ref resolve_qualname(PyObject* start, PyObject* qualname);

/// A function of `code` with `__main__`'s globals here. Names may be null: those of the code.
py::Ref make_function(Context& context, PyObject* code, PyObject* name, PyObject* qualname);

/// `__main__`'s dict (borrowed), or null with an error set.
PyObject* main_dict(Context& context);

}  // namespace libatoll::transfer
