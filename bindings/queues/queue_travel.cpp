#include "queues/queue_travel.hpp"

#include "core/registry/in_transit.hpp"
#include "queues/queue_errors.hpp"
#include "support/id_argument.hpp"
#include "transfer/classes/extension_types.hpp"

namespace libatoll::bindings {

namespace {

using transfer::ExtensionValue;

bool id_of(PyObject* object, const char* kind, std::int64_t& id) {
  const py::Ref attribute = py::Ref::steal(PyObject_GetAttrString(object, "id"));
  return attribute && convert_id(attribute.get(), kind, id);
}

py::Status encode_queue(PyObject* object, ExtensionValue& out) {
  std::int64_t id = 0;
  if (!id_of(object, "queue", id)) return py::Status::error;
  core::Status status{};
  out.object = core::QueueInTransit::make(id, status);
  if (!out.object) {
    if (State* state = current_state()) {
      raise_queue_error(*state, id, status, QueueAction::put);
    }
    return py::Status::error;
  }
  out.number = static_cast<std::uint64_t>(id);
  return py::Status::ok;
}

py::Status encode_interpreter(PyObject* object, ExtensionValue& out) {
  std::int64_t id = 0;
  if (!id_of(object, "interpreter", id)) return py::Status::error;
  out.number = static_cast<std::uint64_t>(id);
  return py::Status::ok;
}

py::Ref make_from_number(PyObject* type, const ExtensionValue& value) {
  return py::Ref::steal(PyObject_CallFunction(type, "L", static_cast<long long>(value.number)));
}

py::Status register_type(const State& state, PyObject* type,
                         const transfer::ExtensionType& traits) {
  transfer::Context* const context = state.context();
  return context ? transfer::register_extension_type(*context, type, traits) : py::Status::error;
}

}  // namespace

py::Status register_queue_type(const State& state, PyObject* type) {
  transfer::set_extension_home(transfer::Tag::queue, "atoll.interpreters._queues");
  return register_type(state, type, {transfer::Tag::queue, true, encode_queue, make_from_number});
}

py::Status register_interpreter_type(const State& state, PyObject* type) {
  transfer::set_extension_home(transfer::Tag::interpreter, "atoll.interpreters");
  return register_type(state, type,
                       {transfer::Tag::interpreter, false, encode_interpreter, make_from_number});
}

}  // namespace libatoll::bindings
