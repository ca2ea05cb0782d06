#include "queues/queue_errors.hpp"

#include "queues/part.hpp"
#include "support/module_contents.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

py::Status add_queue_errors(PyObject* module) {
  QueuesPart& part = queues_of(state_of(module));
  const char* const home = "atoll.lowlevel.queues";
  if (py::failed(add_exception(module, home, "QueueError", "Something is wrong with a queue.",
                               PyExc_RuntimeError, part.error))) {
    return py::Status::error;
  }
  return add_exception(module, home, "QueueNotFoundError",
                       "There is no such queue, or it was destroyed.", part.error, part.not_found);
}

PyObject* raise_queue_not_found(const State& state, std::int64_t id) {
  PyErr_Format(queues_of(state).not_found, "queue %lld not found", static_cast<long long>(id));
  return nullptr;
}

PyObject* raise_queue_error(State& state, std::int64_t id, core::Status status,
                            QueueAction action) {
  switch (status) {
    case core::Status::pending:
    case core::Status::timed_out:
      break;
    default:
      return raise_common(state, status) ? nullptr : raise_queue_not_found(state, id);
  }
  const bool is_get = action == QueueAction::get;
  const QueuesPart& part = queues_of(state);
  PyObject* const& registered = is_get ? part.empty : part.full;
  if (!registered) {
    // The high-level module registers its classes when it is imported.
    const py::Ref home = py::Ref::steal(PyImport_ImportModule("atoll.interpreters._queues"));
    if (!home) return nullptr;
  }
  PyErr_Format(registered ? registered : part.error, "queue %lld is %s", static_cast<long long>(id),
               is_get ? "empty" : "full");
  return nullptr;
}

}  // namespace libatoll::bindings
