#include "pools/completions_type.hpp"

#include <new>

#include "pools/part.hpp"
#include "support/fast_arguments.hpp"
#include "support/wait.hpp"

namespace libatoll::bindings {

namespace {

using core::Handle;
using core::Status;
using core::Task;
using TaskQueue = core::ObjectQueue<Task>;

struct CompletionsObject {
  PyObject_HEAD
  TaskQueue queue;
  State* state;
};

CompletionsObject& self_of(PyObject* object) {
  return *reinterpret_cast<CompletionsObject*>(object);
}

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
  State* const state = state_of_type(type);
  if (!state) return nullptr;
  return translated(*state, [&]() -> PyObject* {
    TaskQueue queue = TaskQueue::make();
    PyObject* const object = type->tp_alloc(type, 0);
    if (!object) return nullptr;
    new (&self_of(object).queue) TaskQueue(std::move(queue));
    self_of(object).state = state;
    return object;
  });
}

void dealloc(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  self_of(object).queue.~TaskQueue();
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* tag_of(const Handle<Task>& task) {
  return PyLong_FromLongLong(task->tag);
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
  Handle<Task> task;
  Status status = self.queue.try_take(task);
  if (status == Status::ok) return tag_of(task);
  if (status == Status::pending) {
    TaskQueue::Taking taking(self.queue);
    const Blocked blocked = block_on(*self.state, taking.operation(), timeout.deadline());
    if (blocked.raised) {
      if (blocked.status == Status::ok) self.queue.put_back(taking.object());
      return nullptr;
    }
    if (blocked.status == Status::ok) return tag_of(taking.object());
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

TaskQueue queue_of_completions(const State& state, PyObject* object) {
  if (Py_IS_TYPE(object, pools_of(state).completions_type)) return self_of(object).queue;
  PyErr_SetString(PyExc_TypeError, "expected _Completions");
  return {};
}

}  // namespace libatoll::bindings
