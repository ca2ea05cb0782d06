// Reading bytecode, as little of it as PEP 734's rules for functions and scripts ask for.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/code/record.hpp"

namespace libatoll::transfer {

py::Status find_facts(PyObject* code, CodeFacts& facts);

}  // namespace libatoll::transfer
