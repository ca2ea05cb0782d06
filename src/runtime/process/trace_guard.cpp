#include "runtime/process/trace_guard.hpp"

#include <Python.h>

#include <atomic>
#include <optional>

#include "atoll/base/error.hpp"
#include "py/cpython_compat.hpp"
#include "py/ref.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::runtime::lifecycle {

namespace {

/// Whether tracemalloc may trace: looking is not for every interpreter that is created.
std::atomic<bool> may_trace{false};

/// In the main interpreter.
bool traces() noexcept {
  const py::Ref module = py::Ref::steal(PyImport_ImportModule("_tracemalloc"));
  const py::Ref answer =
      py::Ref::steal(module ? PyObject_CallMethod(module.get(), "is_tracing", nullptr) : nullptr);
  PyErr_Clear();
  return answer && answer.get() == Py_True;
}

/// `self` is the start() that was there before.
PyObject* start(PyObject* self, PyObject* args) {
  try {
    if (const std::size_t others = Registry::instance().count_open_others()) {
      PyErr_Format(
          PyExc_RuntimeError,
          "tracemalloc.start() while other interpreters are open (%zd) would crash this version of CPython "
          "when one of them is closed: close them first",
          static_cast<Py_ssize_t>(others));
      return nullptr;
    }
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
  may_trace.store(true);
  return PyObject_CallObject(self, args);
}

PyMethodDef definition = {
    "start", start, METH_VARARGS,
    "start($module, nframe=1, /)\n--\n\n"
    "Start tracing Python memory allocations.\n\n"
    "RuntimeError while other interpreters are open, which this version of CPython does not survive."};

}  // namespace

void guard_tracemalloc() noexcept {
  may_trace.store(traces());
  const py::Ref module = py::Ref::steal(PyImport_ImportModule("_tracemalloc"));
  const py::Ref standard =
      py::Ref::steal(module ? PyObject_GetAttrString(module.get(), "start") : nullptr);
  const py::Ref guarded =
      py::Ref::steal(standard ? PyCFunction_NewEx(&definition, standard.get(), nullptr) : nullptr);
  if (guarded) (void)PyObject_SetAttrString(module.get(), "start", guarded.get());
  PyErr_Clear();
  // The Python module, if it is there, has the name from that one.
  const py::Ref name = py::Ref::steal(PyUnicode_FromString("tracemalloc"));
  const py::Ref loaded = py::Ref::steal(name ? PyImport_GetModule(name.get()) : nullptr);
  if (guarded && loaded) (void)PyObject_SetAttrString(loaded.get(), "start", guarded.get());
  PyErr_Clear();
}

void refuse_while_tracing(Interpreter& current) {
  if (!may_trace.load()) return;
  std::optional<Session> inside_main;
  if (!current.is_main()) {
    inside_main.emplace(*Registry::instance().main(), Session::Access::pin);
  }
  if (traces()) {
    throw InterpreterError(
        "interpreter creation failed: tracemalloc traces memory, and this version of CPython would crash when "
        "the interpreter is closed: call tracemalloc.stop() first (without -X tracemalloc and "
        "PYTHONTRACEMALLOC), or trace on CPython 3.13 or 3.15");
  }
  may_trace.store(false);
}

}  // namespace libatoll::runtime::lifecycle
