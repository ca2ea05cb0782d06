#include "queues/part.hpp"

#include "queues/lowlevel.hpp"
#include "queues/queue_errors.hpp"
#include "queues/queue_type.hpp"
#include "support/module_contents.hpp"

namespace libatoll::bindings {

py::Status add_queues(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_part<QueuesPart>(state)) || py::failed(add_queue_errors(module)) ||
      py::failed(add_type(module, make_queue_type(module), queues_of(state).type))) {
    return py::Status::error;
  }
  return add_namespace(module, "queues", "atoll.lowlevel.queues", lowlevel_queues_methods);
}

}  // namespace libatoll::bindings
