#include "channels/part.hpp"

#include <utility>

#include "channels/end.hpp"
#include "channels/errors.hpp"
#include "channels/select.hpp"
#include "channels/travel.hpp"
#include "support/module_contents.hpp"

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

/// `channel` is a class only so that channel[int]() can be written: it makes a tuple of two ends.
PyObject* make_channel(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"capacity", nullptr};
  PyObject* given = nullptr;
  std::size_t capacity = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:channel", const_cast<char**>(names), &given) ||
      !parse_capacity(given, capacity)) {
    return nullptr;
  }
  State* const state = state_of_type(type);
  if (!state) return nullptr;
  const auto ends = ChannelEnds::of_channel(capacity);
  if (!ends) return PyErr_NoMemory();
  const py::Ref sender = make_end(*state, ends, End::sending);
  const py::Ref receiver = sender ? make_end(*state, ends, End::receiving) : py::Ref();
  return receiver ? PyTuple_Pack(2, sender.get(), receiver.get()) : nullptr;
}

PyMethodDef channel_methods[] = {
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "For annotations: the type of what is sent."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot channel_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make_channel)},
    {Py_tp_methods, channel_methods},
    {Py_tp_doc,
     const_cast<char*>(
         "channel(capacity=0)\n--\n\n"
         "Make a channel and return its ends, a Sender and a Receiver.\n\n"
         "capacity is how many values wait in it at most: with 0 a send is over when a receiver has\n"
         "taken the value, with None it never waits. The ends can be sent to other interpreters,\n"
         "where they are clones; each end stays open until its last clone is closed or gone.\n"
         "channel[int]() tells type checkers what is sent.")},
    {0, nullptr},
};

PyType_Spec channel_spec = {
    "atoll.channel", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    channel_slots,
};

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

}  // namespace

py::Status add_channels(PyObject* module) {
  State& state = state_of(module);
  if (py::failed(add_part<ChannelsPart>(state))) return py::Status::error;
  ChannelsPart& part = channels_of(state);
  if (py::failed(add_csp_errors(module)) ||
      py::failed(add_type(module, make_sender_type(module), part.sender_type)) ||
      py::failed(add_type(module, make_receiver_type(module), part.receiver_type)) ||
      py::failed(add_type(module, make_selected_type(), part.selected_type)) ||
      py::failed(register_end_objects(state))) {
    return py::Status::error;
  }
  if (PyModule_AddFunctions(module, functions) != 0 ||
      PyModule_AddFunctions(module, select_functions) != 0) {
    return py::Status::error;
  }
  const py::Ref channel = py::Ref::steal(PyType_FromModuleAndSpec(module, &channel_spec, nullptr));
  return channel && PyModule_AddObjectRef(module, "channel", channel.get()) == 0
             ? py::Status::ok
             : py::Status::error;
}

}  // namespace libatoll::bindings
