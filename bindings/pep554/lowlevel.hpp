// The functions of `atoll.lowlevel.channels`: those of CPython 3.14's `_interpchannels`, and a
// reception that waits.
#pragma once

#include <Python.h>

namespace libatoll::bindings {

/// Their method table, for add_namespace().
extern PyMethodDef lowlevel_channels_methods[];

}  // namespace libatoll::bindings
