// atoll.Sender.
#include "channels/sender.hpp"

#include <utility>

#include "channels/errors.hpp"
#include "support/fast_arguments.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {

using core::Status;

bool pack_value(const State& state, PyObject* value, core::Item& item) {
  transfer::Context* const context = state.context();
  if (!context) return false;
  item.interpreter = state.self->id();
  // What is sent stays sent, also when its sender's interpreter is gone.
  item.policy = core::UnboundPolicy::keep;
  return !py::failed(transfer::encode(*context, value, transfer::Mode::any_by_value, item.message));
}

namespace {

PyObject* send_blocking(EndObject& self, core::Item&& item, const Timeout& timeout) {
  if (timeout.is_zero()) return raise_end_error(self, Status::timed_out);
  core::Send send(*self.channel(), std::move(item));
  const Blocked blocked = block_on_end(self, send, timeout.deadline());
  if (blocked.raised) return nullptr;
  if (blocked.status != Status::ok) return raise_end_error(self, blocked.status);
  Py_RETURN_NONE;
}

PyObject* send_value(EndObject& self, PyObject* value, const Timeout* timeout) {
  if (!self.is_open()) return raise_end_error(self, Status::closed);
  core::Item item;
  if (!pack_value(*self.state, value, item)) return nullptr;
  // Looked at again: the pickling of a value may run anything.
  const Status status = self.is_open() ? self.channel()->try_send(item) : Status::closed;
  if (status == Status::ok) [[likely]]
    Py_RETURN_NONE;
  if (status != Status::pending || !timeout) return raise_end_error(self, status);
  return send_blocking(self, std::move(item), *timeout);
}

constexpr const char* send_names[] = {"value", "timeout"};
constexpr Signature send_signature = {"send", send_names, 2, 2, 1};

PyObject* send(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  Timeout timeout;
  PyObject* given[2] = {nargs == 1 ? args[0] : nullptr, nullptr};
  if (nargs != 1 || kwnames) {
    if (!parse_fast(send_signature, args, nargs, kwnames, given)) return nullptr;
    if (!parse_timeout(given[1], timeout)) return nullptr;
  }
  return send_value(end_of(object), given[0], &timeout);
}

PyObject* send_nowait(PyObject* object, PyObject* value) {
  return send_value(end_of(object), value, nullptr);
}

PyMethodDef methods[] = {
    {"send", as_method(send), METH_FASTCALL | METH_KEYWORDS,
     "send($self, /, value, timeout=None)\n--\n\n"
     "Send a value, which arrives as a copy.\n\n"
     "Waits until there is room in the channel or, with capacity 0, until a receiver has taken the\n"
     "value; at most timeout seconds (a fraction counts; None: as long as it takes), then raises\n"
     "TimeoutError. Raises Closed if no receiver is left, also while it waits, and\n"
     "NotShareableError for a value that cannot travel. In all these cases nothing was sent."},
    {"send_nowait", send_nowait, METH_O,
     "send_nowait($self, value, /)\n--\n\nsend() that raises WouldBlock instead of waiting."},
    {"clone", end_clone, METH_NOARGS,
     "clone($self, /)\n--\n\n"
     "Return another Sender of the channel, which has to be closed on its own."},
    {"close", end_close, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Give this end up; closing it again does nothing.\n\n"
     "When the last Sender of the channel is closed, or gone, receivers get what is left, and then\n"
     "Closed. A send() that waits in another thread through this very object raises Closed."},
    {"__enter__", end_enter, METH_NOARGS, nullptr},
    {"__exit__", as_method(end_exit), METH_FASTCALL, nullptr},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "Sender[T] is for type annotations."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"capacity", end_capacity, nullptr,
     "How many values the channel holds at most, 0 if it hands them over; None without limit.",
     nullptr},
    {"closed", end_closed, nullptr, "Whether send() would raise Closed.", nullptr},
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
    {Py_sq_length, reinterpret_cast<void*>(end_length)},
    {Py_nb_bool, reinterpret_cast<void*>(end_is_true)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc, const_cast<char*>("A sending end of a channel; see channel(). Its length is the "
                                  "number of values in the channel.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll.Sender",
    sizeof(EndObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

PyTypeObject* make_sender_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

}  // namespace libatoll::bindings
