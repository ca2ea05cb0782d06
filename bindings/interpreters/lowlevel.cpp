#include "interpreters/lowlevel.hpp"

#include <string>

#include "interpreters/config_object.hpp"
#include "interpreters/run_code.hpp"
#include "py/thread_state.hpp"
#include "runtime/process/lifecycle.hpp"
#include "runtime/process/preload.hpp"
#include "support/arguments.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::bindings {

namespace {

using runtime::InterpreterHandle;
using runtime::Registry;

/// keyword lists are `char**` without const in the C API before 3.13.
template <std::size_t N>
char** keywords(const char* const (&names)[N]) {
  return const_cast<char**>(names);
}

PyObject* id_and_whence(const runtime::Interpreter& record) {
  return Py_BuildValue("(Li)", static_cast<long long>(record.id()),
                       static_cast<int>(record.whence()));
}

// --- discovery -----------------------------------------------------------------------------------

PyObject* get_main(PyObject* module, PyObject*) {
  return translated(state_of(module), [] { return id_and_whence(*Registry::instance().main()); });
}

PyObject* get_current(PyObject* module, PyObject*) {
  return id_and_whence(*state_of(module).self);
}

PyObject* list_all(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"require_ready", nullptr};
  int require_ready = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$p:list_all", keywords(names), &require_ready)) {
    return nullptr;
  }
  return translated(state_of(module), [&]() -> PyObject* {
    py::Ref list = py::Ref::steal(PyList_New(0));
    if (!list) return nullptr;
    for (const InterpreterHandle& record : Registry::instance().list()) {
      const py::Ref item = py::Ref::steal(id_and_whence(*record));
      if (!item || PyList_Append(list.get(), item.get()) != 0) return nullptr;
    }
    return list.release();
  });
}

PyObject* whence(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", nullptr};
  std::int64_t id = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&:whence", keywords(names),
                                   convert_interpreter_id, &id)) {
    return nullptr;
  }
  return translated(state_of(module), [&] {
    return PyLong_FromLong(static_cast<int>(Registry::instance().find(id)->whence()));
  });
}

// --- configurations, creation, end ---------------------------------------------------------------

PyObject* new_config(PyObject* module, PyObject* args, PyObject* overrides) {
  const State& state = state_of(module);
  PyObject* name = nullptr;
  if (!PyArg_ParseTuple(args, "|U:new_config", &name)) return nullptr;
  Config config;
  if (py::failed(config_from_python(state, name, config)) ||
      py::failed(apply_overrides(overrides, config))) {
    return nullptr;
  }
  return config_to_python(state, config).release();
}

PyObject* get_config(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "restrict", nullptr};
  std::int64_t id = 0;
  int restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$p:get_config", keywords(names),
                                   convert_interpreter_id, &id, &restricted)) {
    return nullptr;
  }
  const State& state = state_of(module);
  return translated(state, [&] {
    const auto record = find_interpreter(id, restricted, "get the config of");
    return config_to_python(state, record->config()).release();
  });
}

PyObject* create(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"config", "reqrefs", nullptr};
  PyObject* config = nullptr;
  int linked = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$p:create", keywords(names), &config,
                                   &linked)) {
    return nullptr;
  }
  const State& state = state_of(module);
  runtime::lifecycle::CreateOptions options;
  if (py::failed(config_from_python(state, config, options.config))) return nullptr;
  return translated(state, [&]() -> PyObject* {
    try {
      // Here a Ctrl-C can still be raised as what it is.
      if (py::failed(runtime::preload_for(*state.self))) {
        if (!PyErr_ExceptionMatches(PyExc_MemoryError)) return nullptr;
        PyErr_Clear();
        throw std::bad_alloc();
      }
      const InterpreterHandle record = runtime::lifecycle::create(options);
      if (linked) record->link();
      return PyLong_FromLongLong(record->id());
    } catch (const std::bad_alloc&) {
      throw InterpreterError("interpreter creation failed: out of memory");
    }
  });
}

PyObject* destroy(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "restrict", nullptr};
  std::int64_t id = 0;
  int restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$p:destroy", keywords(names),
                                   convert_interpreter_id, &id, &restricted)) {
    return nullptr;
  }
  return translated(state_of(module), [&] {
    runtime::lifecycle::close(*find_interpreter(id, restricted, "destroy"));
    return Py_NewRef(Py_None);
  });
}

PyObject* incref(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "implieslink", "restrict", nullptr};
  std::int64_t id = 0;
  int implies_link = 0, restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$pp:incref", keywords(names),
                                   convert_interpreter_id, &id, &implies_link, &restricted)) {
    return nullptr;
  }
  return translated(state_of(module), [&] {
    find_interpreter(id, restricted, "incref")->incref(implies_link);
    return Py_NewRef(Py_None);
  });
}

PyObject* decref(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "restrict", nullptr};
  std::int64_t id = 0;
  int restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$p:decref", keywords(names),
                                   convert_interpreter_id, &id, &restricted)) {
    return nullptr;
  }
  return translated(state_of(module), [&] {
    runtime::lifecycle::release_reference(*find_interpreter(id, restricted, "decref"));
    return Py_NewRef(Py_None);
  });
}

PyObject* is_running(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "restrict", nullptr};
  std::int64_t id = 0;
  int restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$p:is_running", keywords(names),
                                   convert_interpreter_id, &id, &restricted)) {
    return nullptr;
  }
  return translated(state_of(module), [&] {
    return PyBool_FromLong(find_interpreter(id, restricted, "check if running for")->is_running());
  });
}

// --- running code --------------------------------------------------------------------------------

/// exec(), run_string() and run_func() differ in what they accept only.
PyObject* run(PyObject* module, PyObject* args, PyObject* kwargs, const char* function,
              const char* format, const char* const* names, ScriptKind kind) {
  std::int64_t id = 0;
  PyObject *code = nullptr, *shared = nullptr;
  int restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names),
                                   convert_interpreter_id, &id, &code, &shared, &restricted)) {
    return nullptr;
  }
  const State& state = state_of(module);
  if (shared && !require_dict(shared, function, 3, "shared")) return nullptr;
  return translated(state, [&]() -> PyObject* {
    const auto record = find_interpreter(id, restricted, "exec code for");
    if (!check_script_kind(code, kind, function)) return nullptr;
    return run_script(state, *record, code, shared);
  });
}

PyObject* exec(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "code", "shared", "restrict", nullptr};
  return run(module, args, kwargs, "exec", "O&O|O$p:exec", names, ScriptKind::any);
}

PyObject* run_string(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "script", "shared", "restrict", nullptr};
  return run(module, args, kwargs, "run_string", "O&O|O$p:run_string", names, ScriptKind::string);
}

PyObject* run_func(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "func", "shared", "restrict", nullptr};
  return run(module, args, kwargs, "run_func", "O&O|O$p:run_func", names, ScriptKind::function);
}

PyObject* call(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id",           "callable", "args", "kwargs",
                                      "preserve_exc", "restrict", nullptr};
  std::int64_t id = 0;
  PyObject *callable = nullptr, *positional = nullptr, *keyword = nullptr;
  int preserve_exception = 0, restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(
          args, kwargs, "O&O|O!O!$pp:call", keywords(names), convert_interpreter_id, &id, &callable,
          &PyTuple_Type, &positional, &PyDict_Type, &keyword, &preserve_exception, &restricted)) {
    return nullptr;
  }
  const State& state = state_of(module);
  return translated(state, [&]() -> PyObject* {
    const auto record = find_interpreter(id, restricted, "make a call in");
    return call_returning_pair(state, *record, callable, positional, keyword);
  });
}

PyObject* set_main_attrs(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"id", "updates", "restrict", nullptr};
  std::int64_t id = 0;
  PyObject* updates = nullptr;
  int restricted = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O|$p:set___main___attrs", keywords(names),
                                   convert_interpreter_id, &id, &updates, &restricted)) {
    return nullptr;
  }
  if (!require_dict(updates, "set___main___attrs", 2, "updates")) return nullptr;
  const State& state = state_of(module);
  return translated(state, [&] {
    const auto record = find_interpreter(id, restricted, "update __main__ for");
    return bind_in_main(state, *record, updates);
  });
}

PyObject* capture_exception(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"exc", nullptr};
  PyObject* exception = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:capture_exception", keywords(names),
                                   &exception)) {
    return nullptr;
  }
  if (exception == Py_None) Py_RETURN_NONE;
  if (!PyExceptionInstance_Check(exception)) {
    PyErr_Format(PyExc_TypeError, "expected an exception, got %R", exception);
    return nullptr;
  }
  transfer::Context* context = state_of(module).context();
  if (!context) return nullptr;
  return transfer::to_namespace(*context, transfer::capture(*context, exception)).release();
}

PyObject* is_shareable(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"obj", nullptr};
  PyObject* object = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:is_shareable", keywords(names), &object)) {
    return nullptr;
  }
  transfer::Context* context = state_of(module).context();
  if (!context) return nullptr;
  return PyBool_FromLong(transfer::is_shareable(*context, object));
}

template <PyObject* (*Function)(PyObject*, PyObject*, PyObject*)>
constexpr PyCFunction with_keywords() {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(Function));
}
constexpr int keyword_flags = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef lowlevel_interpreters_methods[] = {
    {"get_main", get_main, METH_NOARGS, "get_main()\n--\n\n(id, whence) of the main interpreter."},
    {"get_current", get_current, METH_NOARGS,
     "get_current()\n--\n\n(id, whence) of the calling interpreter."},
    {"list_all", with_keywords<list_all>(), keyword_flags,
     "list_all(*, require_ready=False)\n--\n\n(id, whence) of every interpreter, main first."},
    {"whence", with_keywords<whence>(), keyword_flags,
     "whence(id)\n--\n\nWho made the interpreter: one of the WHENCE_ constants."},
    {"new_config", with_keywords<new_config>(), keyword_flags,
     "new_config(name='isolated', /, **overrides)\n--\n\n"
     "A new configuration: a preset with some fields replaced."},
    {"get_config", with_keywords<get_config>(), keyword_flags,
     "get_config(id, *, restrict=False)\n--\n\nThe configuration of an interpreter."},
    {"create", with_keywords<create>(), keyword_flags,
     "create(config='isolated', *, reqrefs=False)\n--\n\n"
     "Create an idle interpreter and return its id. With reqrefs it ends with its last reference."},
    {"destroy", with_keywords<destroy>(), keyword_flags,
     "destroy(id, *, restrict=False)\n--\n\nEnd an idle interpreter."},
    {"incref", with_keywords<incref>(), keyword_flags,
     "incref(id, *, implieslink=False, restrict=False)\n--\n\nAdd a reference."},
    {"decref", with_keywords<decref>(), keyword_flags,
     "decref(id, *, restrict=False)\n--\n\n"
     "Drop a reference; the last one ends an interpreter that was made with reqrefs."},
    {"is_running", with_keywords<is_running>(), keyword_flags,
     "is_running(id, *, restrict=False)\n--\n\nWhether code runs in the interpreter's __main__."},
    {"exec", with_keywords<exec>(), keyword_flags,
     "exec(id, code, shared={}, *, restrict=False)\n--\n\n"
     "Run source text, a code object or a function in __main__; None, or what went uncaught."},
    {"run_string", with_keywords<run_string>(), keyword_flags,
     "run_string(id, script, shared={}, *, restrict=False)\n--\n\nexec() for source text."},
    {"run_func", with_keywords<run_func>(), keyword_flags,
     "run_func(id, func, shared={}, *, restrict=False)\n--\n\n"
     "exec() for functions and code objects."},
    {"call", with_keywords<call>(), keyword_flags,
     "call(id, callable, args=(), kwargs={}, *, preserve_exc=False, restrict=False)\n--\n\n"
     "Call in __main__; (result, None) or (None, what went uncaught)."},
    {"set___main___attrs", with_keywords<set_main_attrs>(), keyword_flags,
     "set___main___attrs(id, updates, *, restrict=False)\n--\n\nBind names in __main__."},
    {"capture_exception", with_keywords<capture_exception>(), keyword_flags,
     "capture_exception(exc=None)\n--\n\nThe snapshot of an exception that exec() would return."},
    {"is_shareable", with_keywords<is_shareable>(), keyword_flags,
     "is_shareable(obj)\n--\n\nWhether the object can be sent without pickling."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace libatoll::bindings
