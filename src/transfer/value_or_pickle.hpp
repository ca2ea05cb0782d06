// Native first, pickle for what is not: the order of Mode::any.
#pragma once

#include <Python.h>

#include <string>

#include "py/ref.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/encode/encoder.hpp"

namespace libatoll::transfer {

/// Appends one value: natively or, if anything in it is not native, by pickle as a whole. On
/// failure NotShareableError is set; `label` is what paths start with.
py::Status write_value(Encoder& encoder, PyObject* object, const std::string& label);

/// Appends items that are pickled together where pickle is needed (wire::Section). `names`, if not
/// null, are the keywords of the items.
py::Status write_section(Encoder& encoder, PyObject* const* items, Py_ssize_t count,
                         const char* label, PyObject* names);

/// Reads a section into `items`, which are new references even on failure (null where none came).
py::Status read_section(Decoder& decoder, PyObject** items, Py_ssize_t count);

/// Reads what write_value wrote.
py::Ref read_value(Decoder& decoder);

/// May the parts be tried one by one to find the culprit of the error that is set? Not if it comes
/// from a value that was sent in the course of this: that would send it again, at every level.
[[nodiscard]] bool can_be_searched(Context& context) noexcept;

/// The innermost part of `object` that cannot travel, and the path to it (appended to `path`).
py::Ref find_culprit(Context& context, PyObject* object, Mode mode, std::string& path);

}  // namespace libatoll::transfer
