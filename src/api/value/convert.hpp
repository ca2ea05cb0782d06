// atoll::Value <-> PyObject, directly in the interpreter that owns the object.
//
// Both directions need an attached thread state of that interpreter. They throw NotShareableError,
// whose text starts with where in the value the culprit is, and std::bad_alloc; no Python error is
// set afterwards. Only a Queue, an end of a channel or a SharedBuffer runs Python code (it imports
// `atoll`), and throws PythonRaised if that fails.
#pragma once

#include <Python.h>

#include <string_view>

#include "api/value/value_path.hpp"
#include "atoll/value.hpp"
#include "py/ref.hpp"

namespace libatoll::api {

/// Never empty. `what` names the value in errors.
[[nodiscard]] py::Ref to_python(const Value& value, std::string_view what);

/// None, bool, int, float, str, bytes, list, tuple, dict and what is derived from them; atoll's
/// Queue, Sender, Receiver and SharedBuffer. A tree: an object that is met twice is copied twice,
/// one that contains itself is refused.
[[nodiscard]] Value from_python(PyObject* object, std::string_view what);

/// UTF-8 in which lone surrogates are kept, to str.
[[nodiscard]] py::Ref text_to_python(std::string_view text, std::string_view what);

}  // namespace libatoll::api
