#include "transfer/code/main_frame.hpp"

#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/pickle/in_progress.hpp"

namespace libatoll::transfer {
namespace {

// The frame is that of a code object which gets the attribute `run` of a constant and returns it.
// The constant is an object of ours whose attribute access makes the call: so nothing needs a name
// in `__main__`, and the one code object serves all calls.

struct PendingCall {
  PyObject* callable;
  PyObject** args;
  Py_ssize_t nargs;
  PyObject* kwnames;
};

PyObject* run_pending(PyObject*, PyObject*) {
  PendingCall* const call = InProgress<PendingCall>::take();
  if (!call) {
    PyErr_SetString(PyExc_SystemError, "no call is pending");
    return nullptr;
  }
  return PyObject_Vectorcall(call->callable, call->args,
                             static_cast<std::size_t>(call->nargs) | PY_VECTORCALL_ARGUMENTS_OFFSET,
                             call->kwnames);
}

PyType_Slot slots[] = {
    {Py_tp_getattro, reinterpret_cast<void*>(run_pending)},
    {0, nullptr},
};

PyType_Spec spec = {"atoll.PendingCall", sizeof(PyObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

py::Ref make_code() {
  const auto type = py::Ref::steal(PyType_FromSpec(&spec));
  const auto pending = type ? py::Ref::steal(PyObject_CallNoArgs(type.get())) : py::Ref();
  const auto code = py::Ref::steal(Py_CompileString("'atoll'.run", "<atoll call>", Py_eval_input));
  if (!pending || !code) return {};
  const auto constants = py::Ref::steal(PyObject_GetAttrString(code.get(), "co_consts"));
  const auto list = py::Ref::steal(constants ? PySequence_List(constants.get()) : nullptr);
  if (!list) return {};
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    PyObject* const constant = PyList_GET_ITEM(list.get(), i);
    if (!PyUnicode_Check(constant)) continue;
    if (PyList_SetItem(list.get(), i, Py_NewRef(pending.get())) < 0) return {};
  }
  const auto replaced = py::Ref::steal(PyList_AsTuple(list.get()));
  const auto replace = py::Ref::steal(PyObject_GetAttrString(code.get(), "replace"));
  const auto none = py::Ref::steal(PyTuple_New(0));
  const auto kwargs =
      py::Ref::steal(replaced ? Py_BuildValue("{sO}", "co_consts", replaced.get()) : nullptr);
  if (!replace || !none || !kwargs) return {};
  return py::Ref::steal(PyObject_Call(replace.get(), none.get(), kwargs.get()));
}

/// Takes our frame off the top of the traceback.
void hide_frame(PyObject* code) {
  PyObject* const error = PyErr_GetRaisedException();
  const auto traceback = py::Ref::steal(PyException_GetTraceback(error));
  if (traceback && PyTraceBack_Check(traceback.get())) {
    auto* const entry = reinterpret_cast<PyTracebackObject*>(traceback.get());
    const auto running =
        py::Ref::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(entry->tb_frame)));
    if (running.get() == code) {
      PyObject* const next = reinterpret_cast<PyObject*>(entry->tb_next);
      PyException_SetTraceback(error, next ? next : Py_None);
    }
  }
  PyErr_SetRaisedException(error);
}

}  // namespace

py::Ref call_in_main_frame(Context& context, PyObject* callable, PyObject** args, Py_ssize_t nargs,
                           PyObject* kwnames) {
  Context::Impl& impl = context.impl();
  if (!impl.main_call_code) {
    impl.main_call_code.set_once(make_code());
    if (!impl.main_call_code) return {};
  }
  PyObject* const globals = main_dict(context);
  if (!globals) return {};
  PendingCall call{callable, args, nargs, kwnames};
  const InProgress<PendingCall> pending(call);
  auto result = py::Ref::steal(PyEval_EvalCode(impl.main_call_code.get(), globals, globals));
  if (!result) hide_frame(impl.main_call_code.get());
  return result;
}

}  // namespace libatoll::transfer
