#include "pep554/lowlevel.hpp"

#include <utility>
#include <vector>

#include "core/registry/registry.hpp"
#include "pep554/channel_errors.hpp"
#include "pep554/channel_id_type.hpp"
#include "pep554/channel_info.hpp"
#include "pep554/channel_travel.hpp"
#include "support/fast_arguments.hpp"
#include "support/item_options.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

namespace {

using core::End;
using core::SharedChannel;
using core::Status;
using ChannelState = core::Channel::State;
using ChannelHandle = core::Handle<SharedChannel>;

template <std::size_t N>
char** keywords(const char* const (&names)[N]) {
  return const_cast<char**>(names);
}

/// A channel as an argument names it.
struct Target {
  ChannelHandle channel;
  std::int64_t id = 0;
  State& state;

  explicit Target(PyObject* module) noexcept : state(state_of(module)) {}
  [[nodiscard]] bool find(PyObject* object) {
    ChannelName name;
    if (!convert_channel_name(state, object, name)) return false;
    id = name.id;
    channel = core::channels().find(id);
    if (!channel) raise(Status::not_found);
    return static_cast<bool>(channel);
  }
  /// The same for what a closed channel refuses.
  [[nodiscard]] bool find_open(PyObject* object) {
    if (!find(object)) return false;
    if (channel->state() != ChannelState::closed) return true;
    raise(Status::closed);
    return false;
  }
  /// The calling interpreter uses this end from now on.
  [[nodiscard]] bool associate(End end) {
    const Status status = channel->users().associate(state.self->id(), end);
    if (status != Status::ok) raise(status);
    return status == Status::ok;
  }
  PyObject* raise(Status status) const { return raise_channel_error(state, id, status); }
  PyObject* none_or_raise(Status status) const {
    return status == Status::ok ? Py_NewRef(Py_None) : raise(status);
  }
};

/// "O" for functions with `cid` as the only argument.
PyObject* parse_cid(PyObject* args, PyObject* kwargs, const char* format) {
  static const char* const names[] = {"cid", nullptr};
  PyObject* cid = nullptr;
  return PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords(names), &cid) ? cid : nullptr;
}

/// None, or what is not given, counts as neither true nor false (-1); -2 with a Python error set.
int truth(PyObject* object) {
  if (!object || object == Py_None) return -1;
  const int value = PyObject_IsTrue(object);
  return value < 0 ? -2 : value;
}

/// The ends that `send` and `recv` select; none selected means `otherwise`.
bool select_ends(PyObject* send, PyObject* recv, End otherwise, End& out) {
  const int send_value = truth(send);
  const int recv_value = send_value == -2 ? -2 : truth(recv);
  if (recv_value == -2) return false;
  out = otherwise;
  if ((send_value == 1) != (recv_value == 1)) out = send_value == 1 ? End::sending : End::receiving;
  if (send_value == 1 && recv_value == 1) out = End::both;
  return true;
}

// --- life ----------------------------------------------------------------------------------------

PyObject* create(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"unboundop", "fallback", nullptr};
  int flag = -1, fallback_flag = -1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|ii:create", keywords(names), &flag,
                                   &fallback_flag)) {
    return nullptr;
  }
  core::UnboundPolicy policy{};
  std::int32_t fallback = 0;
  if (!convert_policy(flag, core::UnboundPolicy::unbound, policy) ||
      !convert_fallback(fallback_flag, static_cast<std::int32_t>(Fallback::pickle), fallback)) {
    return nullptr;
  }
  State& state = state_of(module);
  return translated(state, [&]() -> PyObject* {
    const std::int64_t id =
        core::channels().add(ChannelHandle::make(policy, fallback), state.self->id());
    if (id < 0) return PyErr_NoMemory();
    py::Ref cid = make_channel_id(state, id, End::both, false);
    if (!cid) (void)core::channels().destroy(id);
    return cid.release();
  });
}

PyObject* destroy(PyObject* module, PyObject* args, PyObject* kwargs) {
  PyObject* cid = parse_cid(args, kwargs, "O:destroy");
  Target target(module);
  if (!cid || !target.find(cid)) return nullptr;
  return target.none_or_raise(core::channels().destroy(target.id));
}

PyObject* list_all(PyObject* module, PyObject*) {
  State& state = state_of(module);
  std::vector<core::Registry<SharedChannel>::Listed> channels;
  if (core::channels().list(channels) != Status::ok) return PyErr_NoMemory();
  py::Ref list = py::Ref::steal(PyList_New(0));
  if (!list) return nullptr;
  for (const auto& [id, channel] : channels) {
    if (channel->state() == ChannelState::closed && !channel->was_released()) continue;
    const py::Ref cid = make_channel_id(state, id, End::both, true);
    if (!cid) return nullptr;
    const py::Ref entry = py::Ref::steal(Py_BuildValue("(Oii)", cid.get(),
                                                       static_cast<int>(channel->default_policy()),
                                                       static_cast<int>(channel->fallback())));
    if (!entry || PyList_Append(list.get(), entry.get()) != 0) return nullptr;
  }
  return list.release();
}

PyObject* close(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"cid", "send", "recv", "force", nullptr};
  PyObject *cid = nullptr, *send = nullptr, *recv = nullptr;
  int force = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOp:close", keywords(names), &cid, &send,
                                   &recv, &force)) {
    return nullptr;
  }
  Target target(module);
  End ends{};
  if (!select_ends(send, recv, End::both, ends) || !target.find(cid)) return nullptr;
  auto how = core::Channel::Close::if_empty;
  if (ends == End::sending) how = core::Channel::Close::sending;
  if (force) how = core::Channel::Close::now;
  return target.none_or_raise(target.channel->close(how));
}

PyObject* release(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"cid", "send", "recv", "force", nullptr};
  PyObject *cid = nullptr, *send = nullptr, *recv = nullptr;
  int force = 1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOp:release", keywords(names), &cid, &send,
                                   &recv, &force)) {
    return nullptr;
  }
  Target target(module);
  End ends{};
  if (!select_ends(send, recv, End::both, ends) || !target.find(cid)) return nullptr;
  return target.none_or_raise(target.channel->release_ends(target.state.self->id(), ends));
}

// --- items ---------------------------------------------------------------------------------------

struct SendArguments {
  PyObject* cid = nullptr;
  PyObject* object = nullptr;
  int flag = -1;
  int fallback = -1;
  int blocking = 1;
  Timeout timeout;

  [[nodiscard]] bool parse(PyObject* args, PyObject* kwargs, const char* format) {
    static const char* const names[] = {"cid",      "obj",     "unboundop", "fallback",
                                        "blocking", "timeout", nullptr};
    PyObject* seconds = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords(names), &cid, &object, &flag,
                                     &fallback, &blocking, &seconds) ||
        !parse_timeout(seconds, timeout)) {
      return false;
    }
    if (blocking || !timeout.given) return true;
    PyErr_SetString(PyExc_ValueError, "can't specify a timeout for a non-blocking call");
    return false;
  }
};

PyObject* send_blocking(const Target& target, core::Item&& item, const Timeout& timeout) {
  Status status = target.channel->try_send(item, true);
  if (status == Status::pending && timeout.is_zero()) status = Status::timed_out;
  if (status == Status::pending) {
    core::Send send(*target.channel, std::move(item), true);
    const Blocked blocked = block_on(target.state, send, timeout.deadline());
    if (blocked.raised) return nullptr;
    status = blocked.status;
  }
  return target.none_or_raise(status);
}

PyObject* send_object(PyObject* module, const SendArguments& given, PyObject* object) {
  Target target(module);
  if (!target.find(given.cid)) return nullptr;
  if (target.channel->state() != ChannelState::open) return target.raise(Status::closed);
  core::UnboundPolicy policy{};
  std::int32_t fallback = 0;
  if (!convert_policy(given.flag, target.channel->default_policy(), policy) ||
      !convert_fallback(given.fallback, target.channel->fallback(), fallback)) {
    return nullptr;
  }
  core::Item item;
  if (py::failed(make_item(target.state, object, policy, fallback, item))) return nullptr;
  if (!target.associate(End::sending)) return nullptr;
  if (given.blocking) return send_blocking(target, std::move(item), given.timeout);
  return target.none_or_raise(target.channel->try_send(item));
}

PyObject* send(PyObject* module, PyObject* args, PyObject* kwargs) {
  SendArguments given;
  if (!given.parse(args, kwargs, "OO|ii$pO:send")) return nullptr;
  return send_object(module, given, given.object);
}

PyObject* send_buffer(PyObject* module, PyObject* args, PyObject* kwargs) {
  SendArguments given;
  if (!given.parse(args, kwargs, "OO|ii$pO:send_buffer")) return nullptr;
  const py::Ref view = py::Ref::steal(PyMemoryView_FromObject(given.object));
  return view ? send_object(module, given, view.get()) : nullptr;
}

PyObject* recv(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"cid", "default", nullptr};
  PyObject *cid = nullptr, *otherwise = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:recv", keywords(names), &cid, &otherwise)) {
    return nullptr;
  }
  Target target(module);
  if (!target.find_open(cid) || !target.associate(End::receiving)) return nullptr;
  core::Item item;
  const Status status = target.channel->try_receive(item);
  if (status == Status::ok) return item_to_pair(target.state, std::move(item));
  if (status == Status::pending && otherwise) return PyTuple_Pack(2, otherwise, Py_None);
  return target.raise(status);
}

PyObject* recv_blocking(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"cid", "timeout", nullptr};
  PyObject *cid = nullptr, *seconds = nullptr;
  Timeout timeout;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:_recv_blocking", keywords(names), &cid,
                                   &seconds) ||
      !parse_timeout(seconds, timeout)) {
    return nullptr;
  }
  Target target(module);
  if (!target.find_open(cid) || !target.associate(End::receiving)) return nullptr;
  core::Receive receive(*target.channel);
  Status status = receive.try_();
  if (status == Status::pending && timeout.is_zero()) status = Status::timed_out;
  if (status == Status::pending) {
    const Blocked blocked = block_on(target.state, receive, timeout.deadline());
    status = blocked.status;
    if (blocked.raised) {
      if (status == Status::ok) target.channel->put_back(std::move(receive.item()));
      return nullptr;
    }
  }
  if (status != Status::ok) return target.raise(status);
  return item_to_pair(target.state, std::move(receive.item()));
}

// --- looking -------------------------------------------------------------------------------------

PyObject* list_interpreters(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"cid", "send", nullptr};
  PyObject* cid = nullptr;
  int send = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O$p:list_interpreters", keywords(names), &cid,
                                   &send)) {
    return nullptr;
  }
  Target target(module);
  if (!target.find_open(cid)) return nullptr;
  if (send && target.channel->state() != ChannelState::open) return target.raise(Status::closed);
  std::vector<core::InterpreterId> ids;
  const Status status = target.channel->users().list(send ? End::sending : End::receiving, ids);
  if (status != Status::ok) return target.raise(status);
  py::Ref list = py::Ref::steal(PyList_New(0));
  if (!list) return nullptr;
  for (const core::InterpreterId id : ids) {
    const py::Ref number = py::Ref::steal(PyLong_FromLongLong(id));
    if (!number || PyList_Append(list.get(), number.get()) != 0) return nullptr;
  }
  return list.release();
}

PyObject* get_count(PyObject* module, PyObject* args, PyObject* kwargs) {
  PyObject* cid = parse_cid(args, kwargs, "O:get_count");
  Target target(module);
  if (!cid || !target.find_open(cid)) return nullptr;
  return PyLong_FromSize_t(target.channel->count());
}

PyObject* get_info(PyObject* module, PyObject* args, PyObject* kwargs) {
  PyObject* cid = parse_cid(args, kwargs, "O:get_info");
  Target target(module);
  if (!cid || !target.find(cid)) return nullptr;
  return translated(target.state,
                    [&] { return make_channel_info(target.state, *target.channel).release(); });
}

PyObject* get_channel_defaults(PyObject* module, PyObject* args, PyObject* kwargs) {
  PyObject* cid = parse_cid(args, kwargs, "O:get_channel_defaults");
  Target target(module);
  if (!cid || !target.find(cid)) return nullptr;
  return Py_BuildValue("(ii)", static_cast<int>(target.channel->default_policy()),
                       static_cast<int>(target.channel->fallback()));
}

// --- ids and classes -----------------------------------------------------------------------------

PyObject* channel_id(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "send", "recv", "force", nullptr};
  PyObject *id = nullptr, *send = nullptr, *recv = nullptr;
  int force = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOp:_channel_id", keywords(names), &id, &send,
                                   &recv, &force)) {
    return nullptr;
  }
  State& state = state_of(module);
  ChannelName name;
  if (!convert_channel_name(state, id, name)) return nullptr;
  End end{};
  if (!select_ends(send, recv, name.end, end)) return nullptr;
  if (truth(send) == 0 && truth(recv) == 0) {
    PyErr_SetString(PyExc_ValueError, "'send' and 'recv' cannot both be False");
    return nullptr;
  }
  return make_channel_id(state, name.id, end, force != 0).release();
}

PyObject* register_types(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"send", "recv", nullptr};
  PyObject *send = nullptr, *recv = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!:_register_end_types", keywords(names),
                                   &PyType_Type, &send, &PyType_Type, &recv)) {
    return nullptr;
  }
  return translated(state_of(module), [&]() -> PyObject* {
    if (py::failed(register_end_types(state_of(module), send, recv))) return nullptr;
    Py_RETURN_NONE;
  });
}

constexpr int flags = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef lowlevel_channels_methods[] = {
    {"create", as_method(create), flags,
     "create(unboundop=-1, fallback=-1)\n--\n\nCreate a channel and return its ChannelID."},
    {"destroy", as_method(destroy), flags,
     "destroy(cid)\n--\n\nEnd a channel, with its items, as if it had never existed."},
    {"list_all", list_all, METH_NOARGS,
     "list_all()\n--\n\nReturn (cid, unboundop, fallback) of every channel that was not closed."},
    {"list_interpreters", as_method(list_interpreters), flags,
     "list_interpreters(cid, *, send)\n--\n\n"
     "Return the ids of the interpreters that use the sending (or the receiving) end."},
    {"send", as_method(send), flags,
     "send(cid, obj, unboundop=-1, fallback=-1, *, blocking=True, timeout=None)\n--\n\n"
     "Send an object; blocking: and wait until it was received.\n\n"
     "Raises TimeoutError after timeout seconds; the object is taken back then."},
    {"send_buffer", as_method(send_buffer), flags,
     "send_buffer(cid, obj, unboundop=-1, fallback=-1, *, blocking=True, timeout=None)\n--\n\n"
     "send() for an object's buffer: the receiver gets a memoryview of the same memory."},
    {"recv", as_method(recv), flags,
     "recv(cid, default=...)\n--\n\n"
     "Receive the next object, without waiting: (obj, None), (None, unboundop) for an item whose\n"
     "sender's interpreter has ended, or, if there is none, (default, None), without a default\n"
     "ChannelEmptyError."},
    {"_recv_blocking", as_method(recv_blocking), flags,
     "_recv_blocking(cid, timeout=None)\n--\n\n"
     "recv() that waits for an object; TimeoutError after timeout seconds."},
    {"close", as_method(close), flags,
     "close(cid, *, send=None, recv=None, force=False)\n--\n\n"
     "Close a channel for all interpreters.\n\n"
     "With items in it, only the sending end can be closed (the rest follows with the last item), "
     "else\n"
     "ChannelNotEmptyError; force drops them."},
    {"release", as_method(release), flags,
     "release(cid, *, send=None, recv=None, force=True)\n--\n\n"
     "Give up ends, by default both, for the calling interpreter. The channel is closed when no\n"
     "interpreter uses it any more."},
    {"get_count", as_method(get_count), flags, "get_count(cid)\n--\n\nReturn the number of items."},
    {"get_info", as_method(get_info), flags,
     "get_info(cid)\n--\n\nReturn the channel's state as a ChannelInfo."},
    {"get_channel_defaults", as_method(get_channel_defaults), flags,
     "get_channel_defaults(cid)\n--\n\nReturn (unboundop, fallback), as given to create()."},
    {"_channel_id", as_method(channel_id), flags,
     "_channel_id(id, *, send=None, recv=None, force=False)\n--\n\n"
     "The ChannelID of a number; with force also if there is no such channel."},
    {"_register_end_types", as_method(register_types), flags,
     "_register_end_types(send, recv)\n--\n\n"
     "Name the classes of channel ends, which makes them shareable. Replaces those named before."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace libatoll::bindings
