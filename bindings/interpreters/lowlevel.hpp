// The functions of `atoll.lowlevel.interpreters`: those of CPython 3.14's `_interpreters`.
#pragma once

#include <Python.h>

namespace libatoll::bindings {

/// Their method table, for add_namespace().
extern PyMethodDef lowlevel_interpreters_methods[];

}  // namespace libatoll::bindings
