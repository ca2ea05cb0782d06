#include "queues/queue_travel.hpp"

#include "core/registry/in_transit.hpp"
#include "queues/queue_errors.hpp"
#include "support/travel_by_id.hpp"

namespace libatoll::bindings {

namespace {

py::Status encode_queue(PyObject* object, transfer::ExtensionValue& out) {
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

}  // namespace

py::Status register_queue_type(const State& state, PyObject* type) {
  return register_by_id(state, type, transfer::Tag::queue, true, "atoll.interpreters._queues",
                        encode_queue);
}

}  // namespace libatoll::bindings
