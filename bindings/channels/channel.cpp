#include "channels/channel.hpp"

#include <utility>

#include "channels/end.hpp"
#include "channels/errors.hpp"
#include "channels/select.hpp"
#include "channels/travel.hpp"
#include "support/fast_arguments.hpp"

namespace libatoll::bindings {

namespace {

using core::ChannelEnds;
using core::End;

/// False with a Python error set.
bool parse_capacity(PyObject* object, std::size_t& out) {
  out = 0;
  if (!object) return true;
  if (object == Py_None) {
    out = core::Channel::unbounded;
    return true;
  }
  const Py_ssize_t capacity = PyNumber_AsSsize_t(object, PyExc_OverflowError);
  if (capacity == -1 && PyErr_Occurred()) return false;
  if (capacity < 0) {
    PyErr_SetString(PyExc_ValueError,
                    "capacity must not be negative; for a channel without limit it is None");
    return false;
  }
  out = static_cast<std::size_t>(capacity);
  return true;
}

constexpr const char* channel_names[] = {"capacity"};
constexpr Signature channel_signature = {"channel", channel_names, 1, 1, 0};

PyObject* channel(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* given[1];
  std::size_t capacity = 0;
  if (!parse_fast(channel_signature, args, nargs, kwnames, given) ||
      !parse_capacity(given[0], capacity)) {
    return nullptr;
  }
  const auto ends = ChannelEnds::of_channel(capacity);
  if (!ends) return PyErr_NoMemory();
  State& state = state_of(module);
  const py::Ref sender = make_end(state, ends, End::sending);
  const py::Ref receiver = sender ? make_end(state, ends, End::receiving) : py::Ref();
  return receiver ? PyTuple_Pack(2, sender.get(), receiver.get()) : nullptr;
}

PyObject* receiver_of(PyObject* module, core::Handle<core::Timer> timer) {
  const auto ends = ChannelEnds::of_timer(std::move(timer));
  if (!ends) return PyErr_NoMemory();
  return make_end(state_of(module), ends, End::receiving).release();
}

PyObject* after(PyObject* module, PyObject* argument) {
  double seconds = 0;
  if (!parse_seconds(argument, "seconds", seconds)) return nullptr;
  return receiver_of(module, core::Timer::after(seconds));
}

PyObject* ticker(PyObject* module, PyObject* argument) {
  double seconds = 0;
  if (!parse_seconds(argument, "seconds", seconds)) return nullptr;
  if (seconds == 0) {
    PyErr_SetString(PyExc_ValueError, "seconds must be positive: a ticker needs an interval");
    return nullptr;
  }
  return receiver_of(module, core::Timer::ticker(seconds));
}

PyMethodDef functions[] = {
    {"channel", as_method(channel), METH_FASTCALL | METH_KEYWORDS,
     "channel($module, /, capacity=0)\n--\n\n"
     "Make a channel and return its ends, a Sender and a Receiver.\n\n"
     "capacity is how many values wait in it at most: with 0 a send is over when a receiver has\n"
     "taken the value, with None it never waits. The ends can be sent to other interpreters, where\n"
     "they are clones; each end stays open until its last clone is closed or gone."},
    {"after", after, METH_O,
     "after($module, seconds, /)\n--\n\n"
     "Return a Receiver that gives one value in so many seconds, and then is closed.\n\n"
     "The value is when it was due, in the seconds of time.monotonic(). No thread runs for it."},
    {"ticker", ticker, METH_O,
     "ticker($module, seconds, /)\n--\n\n"
     "Return a Receiver that gives a value every so many seconds, until it is closed or stopped.\n\n"
     "The value is when it was due, in the seconds of time.monotonic(). It keeps to its schedule;\n"
     "of values that nobody takes one is kept. No thread runs for it."},
    {nullptr, nullptr, 0, nullptr},
};

py::Status add_type(PyObject* module, PyTypeObject* type, PyTypeObject*& out) {
  out = type;
  return out && PyModule_AddType(module, out) == 0 ? py::Status::ok : py::Status::error;
}

}  // namespace

py::Status add_csp(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_csp_errors(module)) ||
      py::failed(add_type(module, make_sender_type(module), state.sender_type)) ||
      py::failed(add_type(module, make_receiver_type(module), state.receiver_type)) ||
      py::failed(add_type(module, make_selected_type(), state.selected_type)) ||
      py::failed(register_end_objects(state))) {
    return py::Status::error;
  }
  if (PyModule_AddFunctions(module, functions) != 0 ||
      PyModule_AddFunctions(module, select_functions) != 0) {
    return py::Status::error;
  }
  return py::Status::ok;
}

}  // namespace libatoll::bindings
