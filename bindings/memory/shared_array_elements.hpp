// The elements of a SharedArray as Python objects, and how Python names their types.
#pragma once

#include <Python.h>

#include <cstddef>

#include "core/memory/element_type.hpp"
#include "py/ref.hpp"

namespace libatoll::bindings {

/// What a `dtype` argument means: a name ("float32"), a code of NumPy's or struct's ("<f4", "f"), a
/// numpy.dtype or scalar type, bool, int, float or complex. Null with TypeError set.
[[nodiscard]] const core::ElementType* parse_dtype(PyObject* dtype);

/// What is in a buffer of this format (null: bytes); null, without an error, if that is no number
/// in the host's byte order.
[[nodiscard]] const core::ElementType* type_of_format(const char* format, Py_ssize_t size) noexcept;

[[nodiscard]] py::Ref load_element(const core::ElementType& type, const std::byte* from);

/// Writes nothing on failure: TypeError for what is no such number, OverflowError for one that does
/// not fit.
[[nodiscard]] py::Status store_element(const core::ElementType& type, std::byte* to,
                                       PyObject* value);

/// As Python compares them: no NaN equals another.
[[nodiscard]] bool equal_elements(const core::ElementType& type, const std::byte* a,
                                  const std::byte* b) noexcept;

}  // namespace libatoll::bindings
