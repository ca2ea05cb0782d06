#include "channels/errors.hpp"

#include "channels/part.hpp"
#include "support/module_contents.hpp"

namespace libatoll::bindings {

namespace {

PyObject* raise_closed(const EndObject& end) {
  if (!end.is_open()) return raise_own_end_closed(end);
  PyObject* const closed = channels_of(*end.state).closed;
  const auto number = static_cast<unsigned long long>(end.ends().number());
  if (end.timer()) {
    PyErr_Format(closed, "timer %llu is over: it has expired, or was stopped", number);
  } else if (end.ref->end() == core::End::sending) {
    PyErr_Format(closed, "channel %llu is closed: it has no receiver any more", number);
  } else {
    PyErr_Format(closed, "channel %llu is closed: it has no sender any more, and nothing is left",
                 number);
  }
  return nullptr;
}

PyObject* raise_would_block(const EndObject& end) {
  const auto number = static_cast<unsigned long long>(end.ends().number());
  const bool is_sender = end.ref->end() == core::End::sending;
  const bool has_buffer = end.channel() && end.channel()->capacity() != 0;
  const char* reason = is_sender ? (has_buffer ? "it is full" : "no receiver waits")
                                 : (has_buffer ? "it is empty" : "no sender waits");
  if (end.timer()) reason = "it is not due";
  PyErr_Format(channels_of(*end.state).would_block, "%s %llu: %s",
               end.timer() ? "timer" : "channel", number, reason);
  return nullptr;
}

}  // namespace

py::Status add_csp_errors(PyObject* module) {
  ChannelsPart& part = channels_of(state_of(module));
  if (py::failed(add_exception(module, "atoll", "Closed",
                               "The other end of the channel is closed for good, or this end was.",
                               PyExc_Exception, part.closed))) {
    return py::Status::error;
  }
  return add_exception(module, "atoll", "WouldBlock",
                       "The operation would have to wait, and was not to.", PyExc_Exception,
                       part.would_block);
}

PyObject* raise_own_end_closed(const EndObject& end) {
  PyErr_Format(channels_of(*end.state).closed, "this %s of %s %llu was closed", kind_of(end),
               end.timer() ? "timer" : "channel",
               static_cast<unsigned long long>(end.ends().number()));
  return nullptr;
}

PyObject* raise_end_error(const EndObject& end, core::Status status) {
  switch (status) {
    case core::Status::pending:
      return raise_would_block(end);
    case core::Status::timed_out:
      PyErr_SetString(PyExc_TimeoutError, end.ref->end() == core::End::sending
                                              ? "send() timed out, nothing was sent"
                                              : "recv() timed out");
      return nullptr;
    default:
      // cancelled: this clone was closed meanwhile.
      return raise_common(*end.state, status) ? nullptr : raise_closed(end);
  }
}

}  // namespace libatoll::bindings
