// atoll.Receiver.
#include "channels/receiver.hpp"

#include <utility>

#include "channels/errors.hpp"
#include "support/fast_arguments.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {

using core::Status;

PyObject* unpack_value(const State& state, core::Item&& item) {
  transfer::Context* const context = state.context();
  return context ? transfer::decode(*context, std::move(item.message)).release() : nullptr;
}

PyObject* unpack_tick(core::Deadline due) {
  return PyFloat_FromDouble(due.seconds());
}

namespace {

/// Null without a Python error if `status` is anything but ok.
PyObject* try_to_receive(EndObject& self, Status& status) {
  if (!self.is_open()) {
    status = Status::closed;
    return nullptr;
  }
  if (core::Timer* timer = self.timer()) {
    core::Deadline due;
    status = timer->try_receive(due);
    return status == Status::ok ? unpack_tick(due) : nullptr;
  }
  core::Item item;
  status = self.channel()->try_receive(item);
  return status == Status::ok ? unpack_value(*self.state, std::move(item)) : nullptr;
}

/// Null with a Python error (`status` is ok then) or without one.
PyObject* wait_for_value(EndObject& self, core::Deadline deadline, Status& status) {
  core::Receive receive(*self.channel());
  const Blocked blocked = block_on_end(self, receive, deadline);
  status = blocked.status;
  if (blocked.raised) {
    if (status == Status::ok) self.channel()->put_back(std::move(receive.item()));
    status = Status::ok;
    return nullptr;
  }
  return status == Status::ok ? unpack_value(*self.state, std::move(receive.item())) : nullptr;
}

PyObject* wait_for_tick(EndObject& self, core::Deadline deadline, Status& status) {
  core::Tick tick(*self.timer());
  const Blocked blocked = block_on_end(self, tick, deadline);
  status = blocked.raised ? Status::ok : blocked.status;
  return status == Status::ok && !blocked.raised ? unpack_tick(tick.due()) : nullptr;
}

/// As wait_for_value(), after an attempt without a wait.
PyObject* receive(EndObject& self, const Timeout& timeout, Status& status) {
  PyObject* value = try_to_receive(self, status);
  if (status != Status::pending) [[likely]]
    return value;
  if (timeout.is_zero()) {
    status = Status::timed_out;
    return nullptr;
  }
  const core::Deadline deadline = timeout.deadline();
  return self.timer() ? wait_for_tick(self, deadline, status)
                      : wait_for_value(self, deadline, status);
}

constexpr const char* recv_names[] = {"timeout"};
constexpr Signature recv_signature = {"recv", recv_names, 1, 1, 0};

PyObject* recv(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  Timeout timeout;
  if (nargs != 0 || kwnames) {
    PyObject* given[1];
    if (!parse_fast(recv_signature, args, nargs, kwnames, given)) return nullptr;
    if (!parse_timeout(given[0], timeout)) return nullptr;
  }
  Status status = Status::ok;
  PyObject* value = receive(end_of(object), timeout, status);
  return status == Status::ok ? value : raise_end_error(end_of(object), status);
}

PyObject* recv_nowait(PyObject* object, PyObject*) {
  Status status = Status::ok;
  PyObject* value = try_to_receive(end_of(object), status);
  return status == Status::ok ? value : raise_end_error(end_of(object), status);
}

/// A loop over a clone that is closed already is a mistake; one that is closed during the loop ends
/// it.
PyObject* iterate(PyObject* object) {
  return end_enter(object, nullptr);
}

PyObject* next(PyObject* object) {
  Status status = Status::ok;
  PyObject* value = receive(end_of(object), {}, status);
  if (status == Status::ok || status == Status::closed || status == Status::cancelled) return value;
  return raise_end_error(end_of(object), status);
}

PyObject* stop(PyObject* object, PyObject*) {
  const EndObject& self = end_of(object);
  if (!self.is_open()) return raise_own_end_closed(self);
  if (!self.timer()) {
    PyErr_SetString(PyExc_TypeError,
                    "only what after() and ticker() return can be stopped; this is a channel's "
                    "Receiver, which can be closed");
    return nullptr;
  }
  self.timer()->stop();
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"recv", as_method(recv), METH_FASTCALL | METH_KEYWORDS,
     "recv($self, /, timeout=None)\n--\n\n"
     "Receive the next value.\n\n"
     "Waits for it, at most timeout seconds (a fraction counts; None: as long as it takes), then\n"
     "raises TimeoutError. Raises Closed when no sender is left and nothing is left to receive,\n"
     "also while it waits."},
    {"recv_nowait", recv_nowait, METH_NOARGS,
     "recv_nowait($self, /)\n--\n\nrecv() that raises WouldBlock instead of waiting."},
    {"clone", end_clone, METH_NOARGS,
     "clone($self, /)\n--\n\n"
     "Return another Receiver of the channel, which has to be closed on its own.\n\n"
     "Each value is received once, through one of them."},
    {"close", end_close, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Give this end up; closing it again does nothing.\n\n"
     "When the last Receiver of the channel is closed, or gone, what is left is dropped, and\n"
     "senders get Closed. A recv() that waits in another thread through this very object raises\n"
     "Closed, and a loop over it ends."},
    {"stop", stop, METH_NOARGS,
     "stop($self, /)\n--\n\n"
     "End what after() or ticker() has made, for all its Receivers: they get Closed."},
    {"__enter__", end_enter, METH_NOARGS, nullptr},
    {"__exit__", as_method(end_exit), METH_FASTCALL, nullptr},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "Receiver[T] is for type annotations."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"capacity", end_capacity, nullptr,
     "How many values the channel holds at most, 0 if it hands them over; None without limit.",
     nullptr},
    {"closed", end_closed, nullptr, "Whether recv() would raise Closed.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(EndObject, weakrefs), Py_READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(end_dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(end_repr)},
    {Py_tp_hash, reinterpret_cast<void*>(end_hash)},
    {Py_tp_richcompare, reinterpret_cast<void*>(end_compare)},
    {Py_tp_iter, reinterpret_cast<void*>(iterate)},
    {Py_tp_iternext, reinterpret_cast<void*>(next)},
    {Py_sq_length, reinterpret_cast<void*>(end_length)},
    {Py_nb_bool, reinterpret_cast<void*>(end_is_true)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc,
     const_cast<char*>("A receiving end of a channel; see channel(), after(), ticker().\n\n"
                       "Its length is the number of values in the channel. A loop over it receives "
                       "until\n"
                       "the channel is closed.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll.Receiver",
    sizeof(EndObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

PyTypeObject* make_receiver_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

}  // namespace libatoll::bindings
