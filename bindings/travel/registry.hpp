// atoll.register() and atoll.unregister().
#pragma once

#include <Python.h>

#include "py/ref.hpp"

namespace libatoll::bindings {

py::Status add_registry(PyObject* module);

}  // namespace libatoll::bindings
