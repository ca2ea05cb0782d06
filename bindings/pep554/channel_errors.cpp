#include "pep554/channel_errors.hpp"

#include "pep554/part.hpp"
#include "support/module_contents.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

py::Status add_channel_errors(PyObject* module) {
  Pep554Part& part = pep554_of(state_of(module));
  const auto add = [module](const char* name, const char* doc, PyObject* base, PyObject*& out) {
    return add_exception(module, "atoll.lowlevel.channels", name, doc, base, out);
  };
  if (py::failed(add("ChannelError", "Something is wrong with a channel.", PyExc_RuntimeError,
                     part.error))) {
    return py::Status::error;
  }
  struct {
    const char* name;
    const char* doc;
    PyObject*& out;
  } const kinds[] = {
      {"ChannelNotFoundError", "There is no such channel, or it was destroyed.", part.not_found},
      {"ChannelClosedError", "The end of the channel is closed, or the whole channel.",
       part.closed},
      {"ChannelEmptyError", "There is nothing to receive.", part.empty},
      {"ChannelNotEmptyError", "The channel cannot be closed: it holds items.", part.not_empty},
  };
  for (const auto& kind : kinds) {
    if (py::failed(add(kind.name, kind.doc, part.error, kind.out))) {
      return py::Status::error;
    }
  }
  return py::Status::ok;
}

PyObject* raise_channel_error(const State& state, std::int64_t id, core::Status status) {
  if (raise_common(state, status)) return nullptr;
  const Pep554Part& part = pep554_of(state);
  const auto number = static_cast<long long>(id);
  switch (status) {
    case core::Status::closed:
      PyErr_Format(part.closed, "channel %lld is closed", number);
      break;
    case core::Status::pending:
      PyErr_Format(part.empty, "channel %lld is empty", number);
      break;
    case core::Status::not_empty:
      PyErr_Format(part.not_empty, "channel %lld may not be closed if not empty (try force=True)",
                   number);
      break;
    case core::Status::timed_out:
      PyErr_SetString(PyExc_TimeoutError, "timed out");
      break;
    default:
      PyErr_Format(part.not_found, "channel %lld not found", number);
      break;
  }
  return nullptr;
}

}  // namespace libatoll::bindings
