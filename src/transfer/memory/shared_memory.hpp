// Memory that several interpreters see: what a receiver gets to see it with.
#pragma once

#include <Python.h>

#include "core/base/object.hpp"
#include "core/memory/shared_buffer.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"
#include "transfer/memory/release_list.hpp"

namespace libatoll::transfer {

/// Objects with the buffer protocol, for memoryview() over them; they keep the memory alive.
py::Ref share_export(Context& context, core::Handle<BufferExport> memory);
py::Ref share_bytes(Context& context, core::Handle<core::SharedBuffer> memory);

/// The shared memory, counted, that keeps alive what `exporter` (null allowed) exports; empty,
/// without an error, if it is an object that belongs to this interpreter.
[[nodiscard]] core::Handle<core::Object> memory_behind(Context& context, PyObject* exporter);

}  // namespace libatoll::transfer
