// Types of the standard library that travel natively: datetime, uuid, decimal, pathlib, array.
//
// None of their modules is imported before an object of theirs is met.
#pragma once

#include <Python.h>

#include <cstdint>

#include "py/ref.hpp"
#include "transfer/classes/type_table.hpp"
#include "transfer/context/context.hpp"
#include "transfer/stdlib/datetime_capi.hpp"
#include "transfer/wire/reader.hpp"

namespace libatoll::transfer {

/// Is `type` one of these types? If so it is in the type table from now on. Leaves no error set.
TypeEntry classify(Context& context, PyTypeObject* type);

/// Null with an error set if datetime cannot be imported. One per interpreter: the macros of
/// <datetime.h> that go through a static pointer must not be used.
PyDateTime_CAPI* datetime_api(Context& context);
py::Status load_uuid(Context& context);
py::Status load_decimal(Context& context);
py::Status load_paths(Context& context);

py::Ref make_uuid(Context& context, const std::byte* bytes, std::int8_t is_safe);

}  // namespace libatoll::transfer
