// DLPack: how array libraries hand each other memory (https://dmlc.github.io/dlpack).
#pragma once

#include <Python.h>

namespace libatoll::bindings {

/// The methods of a SharedArray (METH_FASTCALL | METH_KEYWORDS, METH_NOARGS).
[[nodiscard]] PyObject* array_dlpack(PyObject* object, PyObject* const* args, Py_ssize_t nargs,
                                     PyObject* kwnames);
[[nodiscard]] PyObject* array_dlpack_device(PyObject* object, PyObject*);

}  // namespace libatoll::bindings
