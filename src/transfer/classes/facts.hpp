// Finds out how the instances of a class travel.
#pragma once

#include <Python.h>

#include "transfer/classes/table.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// Fills all facts but the type. What cannot be found out leaves Carriage::none. May import what
/// the class is made with. Leaves no error set. Throws std::bad_alloc.
void examine(Context& context, PyTypeObject* type, ClassFacts& facts);

}  // namespace libatoll::transfer
