#include "queues/lowlevel.hpp"

#include <utility>
#include <vector>

#include "core/registry/registry.hpp"
#include "queues/part.hpp"
#include "queues/queue_errors.hpp"
#include "queues/queue_travel.hpp"
#include "support/fast_arguments.hpp"
#include "support/id_argument.hpp"
#include "support/item_options.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

namespace {

using core::Status;
using QueueHandle = core::Handle<core::Queue>;

template <std::size_t N>
char** keywords(const char* const (&names)[N]) {
  return const_cast<char**>(names);
}

/// For the functions that do without items.
PyObject* none_or_error(PyObject* module, std::int64_t id, Status status) {
  if (status == Status::ok) Py_RETURN_NONE;
  const State& state = state_of(module);
  return raise_common(state, status) ? nullptr : raise_queue_not_found(state, id);
}

/// Parses `qid` as the only argument.
bool parse_id(PyObject* args, PyObject* kwargs, const char* format, std::int64_t& id) {
  static const char* const names[] = {"qid", nullptr};
  return PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords(names), convert_queue_id,
                                     &id) != 0;
}

/// The queue with that id; empty with QueueNotFoundError set.
QueueHandle find(PyObject* module, std::int64_t id) {
  QueueHandle queue = core::queues().find(id);
  if (!queue) raise_queue_not_found(state_of(module), id);
  return queue;
}

QueueHandle parse_and_find(PyObject* module, PyObject* args, PyObject* kwargs, const char* format) {
  std::int64_t id = 0;
  return parse_id(args, kwargs, format, id) ? find(module, id) : QueueHandle();
}

// --- life ----------------------------------------------------------------------------------------

PyObject* create(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"maxsize", "unboundop", "fallback", nullptr};
  Py_ssize_t maxsize = 0;
  int flag = -1, fallback_flag = -1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "n|ii:create", keywords(names), &maxsize, &flag,
                                   &fallback_flag)) {
    return nullptr;
  }
  core::UnboundPolicy policy{};
  std::int32_t fallback = 0;
  if (!convert_policy(flag, core::UnboundPolicy::unbound, policy) ||
      !convert_fallback(fallback_flag, static_cast<std::int32_t>(Fallback::pickle), fallback)) {
    return nullptr;
  }
  const State& state = state_of(module);
  return translated(state, [&] {
    const std::int64_t id =
        core::queues().add(QueueHandle::make(maxsize, policy, fallback), state.self->id());
    return id < 0 ? PyErr_NoMemory() : PyLong_FromLongLong(id);
  });
}

PyObject* destroy(PyObject* module, PyObject* args, PyObject* kwargs) {
  std::int64_t id = 0;
  if (!parse_id(args, kwargs, "O&:destroy", id)) return nullptr;
  return none_or_error(module, id, core::queues().destroy(id));
}

PyObject* bind(PyObject* module, PyObject* args, PyObject* kwargs) {
  std::int64_t id = 0;
  if (!parse_id(args, kwargs, "O&:bind", id)) return nullptr;
  return none_or_error(module, id, core::queues().bind(id, state_of(module).self->id()));
}

PyObject* release(PyObject* module, PyObject* args, PyObject* kwargs) {
  std::int64_t id = 0;
  if (!parse_id(args, kwargs, "O&:release", id)) return nullptr;
  const State& state = state_of(module);
  const Status status = core::queues().release(id, state.self->id());
  if (status != Status::never_bound) return none_or_error(module, id, status);
  PyErr_Format(queues_of(state).error, "queue %lld never bound", static_cast<long long>(id));
  return nullptr;
}

PyObject* list_all(PyObject* module, PyObject*) {
  std::vector<core::Registry<core::Queue>::Listed> queues;
  const Status status = core::queues().list(queues);
  if (status != Status::ok) return none_or_error(module, 0, status);
  py::Ref list = py::Ref::steal(PyList_New(0));
  if (!list) return nullptr;
  // The newest first, as CPython lists them.
  for (auto queue = queues.rbegin(); queue != queues.rend(); ++queue) {
    const py::Ref entry =
        py::Ref::steal(Py_BuildValue("(Lii)", static_cast<long long>(queue->id),
                                     static_cast<int>(queue->object->default_policy()),
                                     static_cast<int>(queue->object->fallback())));
    if (!entry || PyList_Append(list.get(), entry.get()) != 0) return nullptr;
  }
  return list.release();
}

// --- items ---------------------------------------------------------------------------------------

PyObject* put(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"qid", "obj", "unboundop", "fallback", nullptr};
  std::int64_t id = 0;
  PyObject* object = nullptr;
  int flag = -1, fallback_flag = -1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O|ii:put", keywords(names), convert_queue_id,
                                   &id, &object, &flag, &fallback_flag)) {
    return nullptr;
  }
  const QueueHandle queue = find(module, id);
  if (!queue) return nullptr;
  core::UnboundPolicy policy{};
  std::int32_t fallback = 0;
  if (!convert_policy(flag, queue->default_policy(), policy) ||
      !convert_fallback(fallback_flag, queue->fallback(), fallback)) {
    return nullptr;
  }
  State& state = state_of(module);
  // A full queue says so before it looks at the object.
  if (queue->is_full()) return raise_queue_error(state, id, Status::pending, QueueAction::put);
  core::Item item;
  if (py::failed(make_item(state, object, policy, fallback, item))) return nullptr;
  const Status status = queue->try_put(item);
  if (status != Status::ok) return raise_queue_error(state, id, status, QueueAction::put);
  Py_RETURN_NONE;
}

PyObject* get(PyObject* module, PyObject* args, PyObject* kwargs) {
  std::int64_t id = 0;
  if (!parse_id(args, kwargs, "O&:get", id)) return nullptr;
  const QueueHandle queue = find(module, id);
  if (!queue) return nullptr;
  State& state = state_of(module);
  core::Item item;
  const Status status = queue->try_get(item);
  if (status != Status::ok) return raise_queue_error(state, id, status, QueueAction::get);
  return item_to_pair(state, std::move(item));
}

// --- looking -------------------------------------------------------------------------------------

PyObject* get_maxsize(PyObject* module, PyObject* args, PyObject* kwargs) {
  const QueueHandle queue = parse_and_find(module, args, kwargs, "O&:get_maxsize");
  return queue ? PyLong_FromLongLong(queue->maxsize()) : nullptr;
}

PyObject* get_count(PyObject* module, PyObject* args, PyObject* kwargs) {
  const QueueHandle queue = parse_and_find(module, args, kwargs, "O&:get_count");
  return queue ? PyLong_FromSize_t(queue->count()) : nullptr;
}

PyObject* is_full(PyObject* module, PyObject* args, PyObject* kwargs) {
  const QueueHandle queue = parse_and_find(module, args, kwargs, "O&:is_full");
  return queue ? PyBool_FromLong(queue->is_full()) : nullptr;
}

PyObject* get_queue_defaults(PyObject* module, PyObject* args, PyObject* kwargs) {
  const QueueHandle queue = parse_and_find(module, args, kwargs, "O&:get_queue_defaults");
  if (!queue) return nullptr;
  return Py_BuildValue("(ii)", static_cast<int>(queue->default_policy()),
                       static_cast<int>(queue->fallback()));
}

// --- the high-level classes ----------------------------------------------------------------------

PyObject* register_heap_types(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"queuetype", "emptyerror", "fullerror", nullptr};
  PyObject *type = nullptr, *empty = nullptr, *full = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OO:_register_heap_types", keywords(names),
                                   &PyType_Type, &type, &empty, &full)) {
    return nullptr;
  }
  if (!PyExceptionClass_Check(empty) || !PyExceptionClass_Check(full)) {
    PyErr_SetString(PyExc_TypeError, "expected exception classes");
    return nullptr;
  }
  State& state = state_of(module);
  if (py::failed(register_queue_type(state, type))) return nullptr;
  Py_XSETREF(queues_of(state).empty, Py_NewRef(empty));
  Py_XSETREF(queues_of(state).full, Py_NewRef(full));
  Py_RETURN_NONE;
}

constexpr int flags = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef lowlevel_queues_methods[] = {
    {"create", as_method(create), flags,
     "create(maxsize, unboundop=-1, fallback=-1)\n--\n\n"
     "Create a queue and return its id. It is not bound to anybody yet."},
    {"destroy", as_method(destroy), flags,
     "destroy(qid)\n--\n\nEnd a queue, with its items, for everybody."},
    {"list_all", list_all, METH_NOARGS,
     "list_all()\n--\n\nReturn (qid, unboundop, fallback) of every queue of the process."},
    {"put", as_method(put), flags,
     "put(qid, obj, unboundop=-1, fallback=-1)\n--\n\n"
     "Add an object, or raise QueueFull. unboundop: what becomes of it when the interpreter ends;\n"
     "fallback: 0 takes shareable objects only, 1 also what can be pickled; -1: the queue's "
     "default."},
    {"get", as_method(get), flags,
     "get(qid)\n--\n\n"
     "Take the next object out, or raise QueueEmpty. Returns (obj, None), or (None, unboundop) for "
     "an\n"
     "item whose sender's interpreter has ended."},
    {"bind", as_method(bind), flags, "bind(qid)\n--\n\nCount one more user of the queue."},
    {"release", as_method(release), flags,
     "release(qid)\n--\n\nCount one user less; the last one ends the queue."},
    {"get_maxsize", as_method(get_maxsize), flags,
     "get_maxsize(qid)\n--\n\nReturn how many items the queue holds at most, as given."},
    {"get_queue_defaults", as_method(get_queue_defaults), flags,
     "get_queue_defaults(qid)\n--\n\nReturn (unboundop, fallback), as given to create()."},
    {"is_full", as_method(is_full), flags,
     "is_full(qid)\n--\n\nReturn whether there are maxsize items."},
    {"get_count", as_method(get_count), flags, "get_count(qid)\n--\n\nReturn the number of items."},
    {"_register_heap_types", as_method(register_heap_types), flags,
     "_register_heap_types(queuetype, emptyerror, fullerror)\n--\n\n"
     "Name the class of queue objects, which makes them shareable, and the exceptions that put() "
     "and\n"
     "get() raise. Replaces what was named before."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace libatoll::bindings
