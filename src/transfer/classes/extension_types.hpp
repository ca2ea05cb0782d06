// Types that carry themselves: queues, channel ends, interpreters, buffers.
//
// The layer above registers, in each interpreter, how its types become a tag, a number and an
// attachment, and how they come back. transfer knows no more of them.
#pragma once

#include <Python.h>

#include <cstdint>

#include "core/base/object.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// Identifies one kind of extension object in every interpreter of the process.
enum class Tag : std::uint8_t {
  interpreter = 1,
  queue,
  receive_end,
  send_end,
  channel_id,
  buffer,
  sender,
  receiver,
  remote_stream,
  array,
  std_array,  ///< array.array
};

struct ExtensionValue {
  std::uint64_t number = 0;           ///< an id, or whatever the type needs
  core::Handle<core::Object> object;  ///< keeps the shared object alive while it travels
};

struct ExtensionType {
  Tag tag{};
  /// PEP 734 calls the type shareable (Mode::shareable takes it).
  bool shareable = true;
  /// Fills `out`; on failure a Python error is set.
  py::Status (*encode)(PyObject* object, ExtensionValue& out) = nullptr;
  py::Ref (*decode)(PyObject* type, const ExtensionValue& value) = nullptr;
};

/// Makes exact instances of `type` travel; registering a tag again replaces the former type.
py::Status register_extension_type(Context& context, PyObject* type, const ExtensionType& traits);

/// What an instance of a type that is registered here would travel as. False: it is none (no Python
/// error is set), or it cannot travel (one is).
bool describe_extension(Context& context, PyObject* object, Tag& tag, ExtensionValue& out);

/// The module to import in a receiver that has not registered `tag` yet.
void set_extension_home(Tag tag, const char* module_name);

/// An object of `tag`'s type here; empty with a Python error set.
py::Ref restore_extension(Context& context, std::uint8_t tag, const ExtensionValue& value);

}  // namespace libatoll::transfer
