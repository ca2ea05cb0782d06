// What is defined in the sender's `__main__`, as the receiver finds it.
//
// A name of the sender's `__main__` is looked up in the receiver's own. If it is not there, the
// sender's script is executed once in the receiver as a hidden module named `<fake __main__>` (so
// that `if __name__ == '__main__':` parts do not run), which lives as long as the interpreter. The
// hidden module stands in sys.modules under its name: its classes can then be pickled on the way
// back.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// The script behind `__main__`; empty where there is none (`-c`, REPL).
struct MainOrigin {
  py::Ref file;     ///< `__file__` as the sender has it
  py::Ref package;  ///< `__package__` of `python -m package.module`, for its relative imports
};

/// Of this interpreter's `__main__`; of its hidden module, if `__main__` has none and `from_hidden`
/// says that something of the hidden module is sent on. Leaves no error set.
MainOrigin main_origin(Context& context, bool from_hidden) noexcept;

py::Ref resolve_in_main(Context& context, PyObject* qualname, const MainOrigin& origin);

}  // namespace libatoll::transfer
