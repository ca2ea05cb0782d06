#include "pep554/channel_info.hpp"

#include <initializer_list>

#include "pep554/part.hpp"
#include "runtime/interpreter/registry.hpp"

namespace libatoll::bindings {

namespace {

using core::End;

PyStructSequence_Field fields[] = {
    {"open", "both ends are open"},
    {"closing", "the sending end is closed, and items are left to receive"},
    {"closed", "both ends are closed"},
    {"count", "number of items"},
    {"num_interp_send", "interpreters that use the sending end only"},
    {"num_interp_send_released", "interpreters that have released the sending end only"},
    {"num_interp_recv", "interpreters that use the receiving end only"},
    {"num_interp_recv_released", "interpreters that have released the receiving end only"},
    {"num_interp_both", "interpreters that use both ends"},
    {"num_interp_both_recv_released",
     "interpreters that send, and have released the receiving end"},
    {"num_interp_both_send_released",
     "interpreters that receive, and have released the sending end"},
    {"num_interp_both_released", "interpreters that have released both ends"},
    {"send_associated", "this interpreter uses the sending end"},
    {"send_released", "this interpreter has released the sending end"},
    {"recv_associated", "this interpreter uses the receiving end"},
    {"recv_released", "this interpreter has released the receiving end"},
    {nullptr, nullptr},
};

PyStructSequence_Desc description = {
    "atoll.lowlevel.channels.ChannelInfo",
    "A channel's state.\n\nThe numbers count interpreters; they are 0 when the channel is closed.",
    fields,
    8,
};

/// How many interpreters use which ends in which way.
struct Users {
  int send = 0, send_released = 0;
  int receive = 0, receive_released = 0;
  int both = 0, both_receive_released = 0, both_send_released = 0, both_released = 0;

  void add(const core::Association& users, core::InterpreterId id) {
    const bool sends = users.is_associated(id, End::sending);
    const bool receives = users.is_associated(id, End::receiving);
    const bool released_sending = users.has_released(id, End::sending);
    const bool released_receiving = users.has_released(id, End::receiving);
    if (sends) {
      ++(receives ? both : released_receiving ? both_receive_released : send);
    } else if (receives) {
      ++(released_sending ? both_send_released : receive);
    } else if (released_sending && released_receiving) {
      ++both_released;
    } else {
      send_released += released_sending;
      receive_released += released_receiving;
    }
  }
};

}  // namespace

PyTypeObject* make_channel_info_type(PyObject*) {
  return PyStructSequence_NewType(&description);
}

py::Ref make_channel_info(const State& state, core::SharedChannel& channel) {
  const core::Association& users = channel.users();
  const core::InterpreterId self = state.self->id();
  const core::Channel::State now = channel.state();
  const bool is_over = now == core::Channel::State::closed;
  Users numbers;
  if (!is_over) {
    for (const auto& record : runtime::Registry::instance().list()) {
      numbers.add(users, record->id());
    }
  }
  py::Ref info = py::Ref::steal(PyStructSequence_New(pep554_of(state).info_type));
  if (!info) return {};
  Py_ssize_t index = 0;
  const auto add = [&](PyObject* value) {
    PyStructSequence_SetItem(info.get(), index++, value);
    return value != nullptr;
  };
  const auto add_bool = [&](bool value) { return add(PyBool_FromLong(value)); };
  bool done = add_bool(now == core::Channel::State::open) &&
              add_bool(now == core::Channel::State::closing) && add_bool(is_over) &&
              add(PyLong_FromSize_t(channel.count()));
  for (const int number : {numbers.send, numbers.send_released, numbers.receive,
                           numbers.receive_released, numbers.both, numbers.both_receive_released,
                           numbers.both_send_released, numbers.both_released}) {
    done = done && add(PyLong_FromLong(number));
  }
  for (const End end : {End::sending, End::receiving}) {
    done = done && add_bool(!is_over && users.is_associated(self, end)) &&
           add_bool(!is_over && users.has_released(self, end));
  }
  return done ? info : py::Ref();
}

}  // namespace libatoll::bindings
