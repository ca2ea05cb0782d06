#include "pools/completions_type.hpp"

#include <new>

#include "runtime/pool/pool_task.hpp"
#include "support/fast_arguments.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

namespace {

using core::Channel;
using core::Handle;
using core::Status;

struct CompletionsObject {
  PyObject_HEAD
  Handle<Channel> channel;
  State* state;
};

CompletionsObject& self_of(PyObject* object) {
  return *reinterpret_cast<CompletionsObject*>(object);
}

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
  State* const state = state_of_type(type);
  if (!state) return nullptr;
  return translated(*state, [&]() -> PyObject* {
    auto channel = Handle<Channel>::make(Channel::unbounded);
    PyObject* const object = type->tp_alloc(type, 0);
    if (!object) return nullptr;
    new (&self_of(object).channel) Handle<Channel>(std::move(channel));
    self_of(object).state = state;
    return object;
  });
}

void dealloc(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  self_of(object).channel.~Handle<Channel>();
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* tag_of(const core::Item& item) {
  const auto& task = static_cast<const core::Task&>(*item.message.attachment(0));
  return PyLong_FromLongLong(static_cast<const runtime::PoolTask&>(task).tag);
}

constexpr const char* get_names[] = {"timeout"};
constexpr Signature get_signature = {"get", get_names, 1, 1, 0};

PyObject* get(PyObject* object, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* given[1];
  Timeout timeout;
  if (!parse_fast(get_signature, args, nargs, kwnames, given) ||
      !parse_timeout(given[0], timeout)) {
    return nullptr;
  }
  CompletionsObject& self = self_of(object);
  core::Item item;
  Status status = self.channel->try_receive(item);
  if (status == Status::ok) return tag_of(item);
  if (status == Status::pending) {
    core::Receive receive(*self.channel);
    const Blocked blocked = block_on(*self.state, receive, timeout.deadline());
    if (blocked.raised) {
      if (blocked.status == Status::ok) self.channel->put_back(std::move(receive.item()));
      return nullptr;
    }
    if (blocked.status == Status::ok) return tag_of(receive.item());
    status = blocked.status;
  }
  if (raise_common(*self.state, status)) return nullptr;
  // Closed: there was no memory to report one of them.
  PyErr_SetNone(status == Status::timed_out ? PyExc_TimeoutError : PyExc_MemoryError);
  return nullptr;
}

PyMethodDef methods[] = {
    {"get", as_method(get), METH_FASTCALL | METH_KEYWORDS,
     "get($self, /, timeout=None)\n--\n\n"
     "Wait for the next end and return its tag. Raises TimeoutError."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_methods, methods},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll._atoll._Completions",
    sizeof(CompletionsObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

}  // namespace

PyTypeObject* make_completions_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

Handle<Channel> channel_of_completions(const State& state, PyObject* object) {
  if (Py_IS_TYPE(object, state.completions_type)) return self_of(object).channel;
  PyErr_SetString(PyExc_TypeError, "expected _Completions");
  return {};
}

}  // namespace libatoll::bindings
