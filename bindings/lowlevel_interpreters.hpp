// The functions of `atoll.lowlevel.interpreters`: those of CPython 3.14's `_interpreters`.
#pragma once

#include <Python.h>

namespace atoll::bindings {

/// Their method table, for add_namespace().
extern PyMethodDef lowlevel_interpreters_methods[];

}  // namespace atoll::bindings
