// Types whose way of travelling the user has told.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// From now on exact instances of `type` that leave this interpreter travel as what `encode` makes
/// of them, and arrive as what `decode` makes of that. ValueError for a type that travels natively.
py::Status register_type(Context& context, PyObject* type, PyObject* encode, PyObject* decode);

/// What an object travels as if its type is registered; empty without an error set if it is not.
py::Ref encode_registered(Context& context, PyObject* object);

/// Takes that back. KeyError if it is not registered.
py::Status unregister_type(Context& context, PyObject* type);

}  // namespace libatoll::transfer
