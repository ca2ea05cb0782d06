#include "queues/queue_type.hpp"

#include <cmath>
#include <utility>

#include "core/registry/registry.hpp"
#include "queues/queue_errors.hpp"
#include "support/fast_arguments.hpp"
#include "support/id_argument.hpp"
#include "support/item_options.hpp"
#include "support/state.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

namespace {

using core::Status;

struct QueueObject {
  PyObject_HEAD
  core::Handle<core::Queue> queue;
  std::int64_t id;
  PyObject* module;  ///< owned: the collector may clear the type, and with it its module, first
  State* state;      ///< of the module
  PyObject* weakrefs;
};

QueueObject& self_of(PyObject* object) {
  return *reinterpret_cast<QueueObject*>(object);
}

PyObject* raise(const QueueObject& self, Status status, QueueAction action) {
  return raise_queue_error(*self.state, self.id, status, action);
}

bool is_destroyed(const QueueObject& self) {
  if (self.queue->state() != core::Channel::State::destroyed) [[likely]]
    return false;
  raise_queue_not_found(*self.state, self.id);
  return true;
}

/// When a wait that begins now gives up, by the clock of the Python half. Null-like: error.
bool deadline_of(PyObject* object, const Timeout& timeout, core::Deadline& out) {
  if (!timeout.given || std::isinf(timeout.seconds)) {
    out = core::Deadline::never();
    return true;
  }
  const py::Ref now = py::Ref::steal(PyObject_CallMethod(object, "_monotonic", nullptr));
  const double seconds = now ? PyFloat_AsDouble(now.get()) : -1.0;
  if (seconds == -1.0 && PyErr_Occurred()) return false;
  // Beyond the 292 years of the clock in nanoseconds there is no end.
  const double end = (seconds + timeout.seconds) * 1e9;
  out = end < 9.2e18 ? core::Deadline::at(static_cast<std::int64_t>(std::ceil(end)))
                     : core::Deadline::never();
  return true;
}

// --- get -----------------------------------------------------------------------------------------

PyObject* unpack(PyObject* object, QueueObject& self, core::Item&& item) {
  if (item.is_unbound) [[unlikely]] {
    return PyObject_CallMethod(object, "_resolve_unbound", "i", static_cast<int>(item.policy));
  }
  transfer::Context* const context = self.state->context();
  return context ? transfer::decode(*context, std::move(item.message)).release() : nullptr;
}

PyObject* get_blocking(PyObject* object, QueueObject& self, const Timeout& timeout) {
  core::Deadline deadline;
  if (!deadline_of(object, timeout, deadline)) return nullptr;
  if (timeout.is_zero()) return raise(self, Status::timed_out, QueueAction::get);
  core::Receive receive(*self.queue);
  const Blocked blocked = block_on(*self.state, receive, deadline);
  if (blocked.raised) {
    if (blocked.status == Status::ok) self.queue->put_back(std::move(receive.item()));
    return nullptr;
  }
  if (blocked.status != Status::ok) return raise(self, blocked.status, QueueAction::get);
  return unpack(object, self, std::move(receive.item()));
}

PyObject* get_nowait(PyObject* object, PyObject*) {
  QueueObject& self = self_of(object);
  core::Item item;
  const Status status = self.queue->try_get(item);
  if (status != Status::ok) return raise(self, status, QueueAction::get);
  return unpack(object, self, std::move(item));
}

constexpr const char* get_names[] = {"block", "timeout"};
constexpr Signature get_signature = {"get", get_names, 2, 2, 0};

PyObject* get(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  QueueObject& self = self_of(object);
  Timeout timeout;
  if (nargs != 0 || kwnames) {
    PyObject* given[2];
    if (!parse_fast(get_signature, args, nargs, kwnames, given)) return nullptr;
    const int block = given[0] ? PyObject_IsTrue(given[0]) : 1;
    if (block < 0) return nullptr;
    if (block == 0) return get_nowait(object, nullptr);
    if (!parse_timeout(given[1], timeout)) return nullptr;
  }
  core::Item item;
  const Status status = self.queue->try_get(item);
  if (status == Status::ok) [[likely]]
    return unpack(object, self, std::move(item));
  if (status != Status::pending) return raise(self, status, QueueAction::get);
  return get_blocking(object, self, timeout);
}

// --- put -----------------------------------------------------------------------------------------

bool pack(PyObject* object, QueueObject& self, PyObject* value, PyObject* unbound_items,
          core::Item& item) {
  core::UnboundPolicy policy = self.queue->default_policy();
  if (unbound_items && unbound_items != Py_None) {
    const py::Ref flag =
        py::Ref::steal(PyObject_CallMethod(object, "_unbound_flag", "O", unbound_items));
    const long number = flag ? PyLong_AsLong(flag.get()) : -1;
    if (number == -1 && PyErr_Occurred()) return false;
    if (!convert_policy(static_cast<int>(number), policy, policy)) return false;
  }
  return !py::failed(make_item(*self.state, value, policy, self.queue->fallback(), item));
}

PyObject* put_blocking(PyObject* object, QueueObject& self, core::Item&& item,
                       const Timeout& timeout) {
  core::Deadline deadline;
  if (!deadline_of(object, timeout, deadline)) return nullptr;
  if (timeout.is_zero()) return raise(self, Status::timed_out, QueueAction::put);
  core::Send send(*self.queue, std::move(item));
  const Blocked blocked = block_on(*self.state, send, deadline);
  if (blocked.raised) return nullptr;
  if (blocked.status != Status::ok) return raise(self, blocked.status, QueueAction::put);
  Py_RETURN_NONE;
}

PyObject* put_value(PyObject* object, PyObject* value, PyObject* unbound_items, bool block,
                    const Timeout& timeout) {
  QueueObject& self = self_of(object);
  if (is_destroyed(self)) return nullptr;
  // A full queue says so before it looks at the object.
  if (!block && self.queue->is_full()) return raise(self, Status::pending, QueueAction::put);
  core::Item item;
  if (!pack(object, self, value, unbound_items, item)) return nullptr;
  const Status status = self.queue->try_put(item);
  if (status == Status::ok) [[likely]]
    Py_RETURN_NONE;
  if (status != Status::pending || !block) return raise(self, status, QueueAction::put);
  return put_blocking(object, self, std::move(item), timeout);
}

constexpr const char* put_names[] = {"obj", "block", "timeout", "unbounditems"};
constexpr Signature put_signature = {"put", put_names, 4, 3, 1};

PyObject* put(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (nargs == 1 && !kwnames) [[likely]]
    return put_value(object, args[0], nullptr, true, {});
  PyObject* given[4];
  if (!parse_fast(put_signature, args, nargs, kwnames, given)) return nullptr;
  const int block = given[1] ? PyObject_IsTrue(given[1]) : 1;
  if (block < 0) return nullptr;
  Timeout timeout;
  if (block != 0 && !parse_timeout(given[2], timeout)) return nullptr;
  return put_value(object, given[0], given[3], block != 0, timeout);
}

constexpr const char* put_nowait_names[] = {"obj", "unbounditems"};
constexpr Signature put_nowait_signature = {"put_nowait", put_nowait_names, 2, 1, 1};

PyObject* put_nowait(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (nargs == 1 && !kwnames) [[likely]]
    return put_value(object, args[0], nullptr, false, {});
  PyObject* given[2];
  if (!parse_fast(put_nowait_signature, args, nargs, kwnames, given)) return nullptr;
  return put_value(object, given[0], given[1], false, {});
}

// --- looking -------------------------------------------------------------------------------------

PyObject* qsize(PyObject* object, PyObject*) {
  const QueueObject& self = self_of(object);
  return is_destroyed(self) ? nullptr : PyLong_FromSize_t(self.queue->count());
}

PyObject* empty(PyObject* object, PyObject*) {
  const QueueObject& self = self_of(object);
  return is_destroyed(self) ? nullptr : PyBool_FromLong(self.queue->count() == 0);
}

PyObject* full(PyObject* object, PyObject*) {
  const QueueObject& self = self_of(object);
  return is_destroyed(self) ? nullptr : PyBool_FromLong(self.queue->is_full());
}

PyObject* get_id(PyObject* object, void*) {
  return PyLong_FromLongLong(self_of(object).id);
}

PyObject* get_maxsize(PyObject* object, void*) {
  return PyLong_FromLongLong(self_of(object).queue->maxsize());
}

PyObject* get_default_flag(PyObject* object, void*) {
  return PyLong_FromLong(static_cast<long>(self_of(object).queue->default_policy()));
}

// --- the object ----------------------------------------------------------------------------------

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"", nullptr};
  std::int64_t id = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&:Queue", const_cast<char**>(names),
                                   convert_queue_id, &id)) {
    return nullptr;
  }
  PyObject* module = PyType_GetModuleByDef(type, &module_definition);
  if (!module) return nullptr;
  State* state = &state_of(module);
  // Found first: once bound it must have an object that releases it.
  core::Handle<core::Queue> queue = core::queues().find(id);
  if (!queue) return raise_queue_not_found(*state, id);
  PyObject* object = type->tp_alloc(type, 0);
  if (!object) return nullptr;
  QueueObject& self = self_of(object);
  self.id = id;
  self.module = Py_NewRef(module);
  self.state = state;
  const Status status = core::queues().bind(id, state->self->id());
  if (status == Status::ok) new (&self.queue) core::Handle<core::Queue>(std::move(queue));
  if (status == Status::ok) return object;
  Py_DECREF(object);
  return raise_queue_error(*state, id, status, QueueAction::get);
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  QueueObject& self = self_of(object);
  if (self.weakrefs) PyObject_ClearWeakRefs(object);
  if (self.queue) (void)core::queues().release(self.id, self.state->self->id());
  self.queue.~Handle();
  Py_XDECREF(self.module);
  type->tp_free(object);
  Py_DECREF(type);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object).module);
  return 0;
}

PyObject* repr(PyObject* object) {
  const py::Ref name = py::Ref::steal(PyType_GetName(Py_TYPE(object)));
  if (!name) return nullptr;
  return PyUnicode_FromFormat("%U(%lld)", name.get(), static_cast<long long>(self_of(object).id));
}

Py_hash_t hash(PyObject* object) {
  const py::Ref id = py::Ref::steal(get_id(object, nullptr));
  return id ? PyObject_Hash(id.get()) : -1;
}

PyObject* reduce(PyObject* object, PyObject*) {
  return Py_BuildValue("O(L)", Py_TYPE(object), static_cast<long long>(self_of(object).id));
}

PyMethodDef methods[] = {
    {"put", as_method(put), METH_FASTCALL | METH_KEYWORDS,
     "put($self, /, obj, block=True, timeout=None, *, unbounditems=None)\n--\n\n"
     "Add an object, which arrives as a copy.\n\n"
     "While the queue is full it waits, at most timeout seconds (a fraction counts; None: as long "
     "as\n"
     "it takes), then raises QueueFull; with block false it does not wait. unbounditems says what\n"
     "becomes of the item if the calling interpreter ends before the item was taken: UNBOUND,\n"
     "UNBOUND_ERROR, UNBOUND_REMOVE or UNBOUND_KEEP; None stands for the queue's own default. "
     "Raises\n"
     "NotShareableError for an object that cannot travel; nothing is added then."},
    {"put_nowait", as_method(put_nowait), METH_FASTCALL | METH_KEYWORDS,
     "put_nowait($self, /, obj, *, unbounditems=None)\n--\n\n"
     "put() that raises QueueFull instead of waiting."},
    {"get", as_method(get), METH_FASTCALL | METH_KEYWORDS,
     "get($self, /, block=True, timeout=None)\n--\n\n"
     "Take the next object out.\n\n"
     "While the queue is empty it waits, at most timeout seconds (a fraction counts; None: as long "
     "as\n"
     "it takes), then raises QueueEmpty; with block false it does not wait. For an item whose "
     "sender's\n"
     "interpreter has ended it returns UNBOUND or raises ItemInterpreterDestroyed, as its sender\n"
     "asked."},
    {"get_nowait", get_nowait, METH_NOARGS,
     "get_nowait($self, /)\n--\n\nget() that raises QueueEmpty instead of waiting."},
    {"qsize", qsize, METH_NOARGS, "qsize($self, /)\n--\n\nReturn the number of items."},
    {"empty", empty, METH_NOARGS, "empty($self, /)\n--\n\nReturn whether there is no item."},
    {"full", full, METH_NOARGS,
     "full($self, /)\n--\n\nReturn whether there are maxsize items; never without a limit."},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"id", get_id, nullptr, "The queue's id, an int.", nullptr},
    {"maxsize", get_maxsize, nullptr, "How many items it holds at most; no limit if not positive.",
     nullptr},
    {"_default_flag", get_default_flag, nullptr, "The flag of the queue's unbounditems.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(QueueObject, weakrefs), Py_READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_hash, reinterpret_cast<void*>(hash)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc, const_cast<char*>("A handle to a queue between interpreters.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll._atoll.Queue",
    sizeof(QueueObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

PyTypeObject* make_queue_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

core::Queue& queue_behind(PyObject* object) noexcept {
  return *self_of(object).queue;
}

PyObject* unpack_queue_item(PyObject* object, core::Item&& item) {
  return unpack(object, self_of(object), std::move(item));
}

PyObject* raise_queue_status(State& state, PyObject* object, core::Status status) {
  return raise_queue_error(state, self_of(object).id, status, QueueAction::get);
}

}  // namespace libatoll::bindings
