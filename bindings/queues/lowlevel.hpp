// The functions of `atoll.lowlevel.queues`: those of CPython 3.14's `_interpqueues`.
#pragma once

#include <Python.h>

namespace libatoll::bindings {

/// Their method table, for add_namespace().
extern PyMethodDef lowlevel_queues_methods[];

}  // namespace libatoll::bindings
