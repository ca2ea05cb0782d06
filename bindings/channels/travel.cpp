#include "channels/travel.hpp"

#include "channels/end.hpp"
#include "channels/errors.hpp"
#include "channels/part.hpp"
#include "transfer/classes/extension_types.hpp"

namespace libatoll::bindings {

namespace {

using transfer::ExtensionValue;
using transfer::Tag;

py::Status encode_end(PyObject* object, ExtensionValue& out) {
  const EndObject& self = end_of(object);
  if (!self.is_open()) {
    raise_own_end_closed(self);
    return py::Status::error;
  }
  out.object = core::EndInTransit::make(*self.ref);
  if (out.object) return py::Status::ok;
  PyErr_NoMemory();
  return py::Status::error;
}

py::Ref decode_end(PyObject* type, const ExtensionValue& value) {
  State* const state = state_of_type(reinterpret_cast<PyTypeObject*>(type));
  if (!state) return {};
  const auto* in_transit = dynamic_cast<const core::EndInTransit*>(value.object.get());
  if (!in_transit) {
    PyErr_SetString(PyExc_ValueError, "a message carries no end of a channel where it says so");
    return {};
  }
  return make_end(*state, in_transit->ref().ends(), in_transit->ref().end());
}

py::Status register_type(const State& state, PyTypeObject* type, Tag tag) {
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  transfer::set_extension_home(tag, "atoll._atoll");
  return transfer::register_extension_type(*context, reinterpret_cast<PyObject*>(type),
                                           {tag, true, encode_end, decode_end});
}

}  // namespace

py::Status register_end_objects(const State& state) {
  if (py::failed(register_type(state, channels_of(state).sender_type, Tag::sender)))
    return py::Status::error;
  return register_type(state, channels_of(state).receiver_type, Tag::receiver);
}

}  // namespace libatoll::bindings
