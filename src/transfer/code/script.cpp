#include "transfer/code/script.hpp"

#include "transfer/base/errors.hpp"
#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::transfer {
namespace {

/// builtins.compile knows about encodings, cookies and NULs in a source.
py::Ref compile_source(PyObject* source) {
  PyObject* const compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile");
  if (!compile) {
    PyErr_SetString(PyExc_RuntimeError, "builtins.compile is gone");
    return {};
  }
  const auto args =
      py::Ref::steal(Py_BuildValue("(OssiO)", source, "<script>", "exec", 0, Py_True));
  return args ? py::Ref::steal(PyObject_Call(compile, args.get(), nullptr)) : py::Ref();
}

/// `source` is an exact str or bytes.
core::Handle<CodeRecord> source_record(Context& context, PyObject* source) {
  ScriptCache& cache = context.impl().scripts;
  const Py_hash_t hash = PyObject_Hash(source);
  if (hash == -1) return {};
  if (auto known = cache.find(source, hash)) return known;
  const py::Ref code = compile_source(source);
  if (!code) return {};
  auto record = record_of(context, code.get());
  if (record && PyObject_Size(source) <= ScriptCache::longest) cache.store(source, hash, record);
  return record;
}

core::Handle<CodeRecord> checked_record(Context& context, PyObject* code, Purity purity,
                                        PyObject* globals, PyObject* builtins) {
  if (py::failed(check_script(context, code))) return {};
  if (purity == Purity::pure) {
    const Answer answer = uses_globals(context, code, globals, builtins);
    if (answer == Answer::error) return {};
    if (answer == Answer::yes) {
      PyErr_SetString(PyExc_ValueError, "globals not supported");
      return {};
    }
  }
  return record_of(context, code);
}

py::Status refuse(const char* why) {
  PyErr_SetString(PyExc_ValueError, why);
  return py::Status::error;
}

}  // namespace

py::Status check_script(Context& context, PyObject* object) {
  auto* const code = reinterpret_cast<PyCodeObject*>(object);
  if (PyCode_GetNumFree(code) > 0) return refuse("closures not supported");
  if (code->co_argcount > 0 || code->co_posonlyargcount > 0 || code->co_kwonlyargcount > 0 ||
      code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) {
    return refuse("code with args not supported");
  }
  const std::shared_ptr<const CodeFacts> facts = facts_of(context, object);
  if (!facts) return py::Status::error;
  if (!facts->returns_only_none) return refuse("code that returns a value is not a script");
  return py::Status::ok;
}

core::Handle<CodeRecord> script_record(Context& context, PyObject* script, Purity purity) {
  if (PyUnicode_CheckExact(script) || PyBytes_CheckExact(script)) {
    return source_record(context, script);
  }
  if (PyCode_Check(script)) {
    return checked_record(context, script, purity, nullptr, PyEval_GetBuiltins());
  }
  if (PyFunction_Check(script)) {
    auto* const function = reinterpret_cast<PyFunctionObject*>(script);
    return checked_record(context, function->func_code, purity, function->func_globals,
                          function->func_builtins);
  }
  py::Ref source;
  if (PyUnicode_Check(script)) {
    source = py::Ref::steal(PyUnicode_FromObject(script));
  } else if (PyObject_CheckBuffer(script)) {
    source = py::Ref::steal(PyBytes_FromObject(script));
  } else {
    PyErr_Format(PyExc_TypeError, "unsupported script %R", script);
  }
  return source ? source_record(context, source.get()) : core::Handle<CodeRecord>();
}

py::Status encode_script(Context& context, PyObject* script, core::Message& out) {
  out.reset();
  try {
    auto record = script_record(context, script, Purity::any);
    if (!record) return py::Status::error;
    Encoder encoder(context, Mode::any);
    encoder.record(std::move(record));
    out = encoder.finish();
    return py::Status::ok;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return py::Status::error;
  }
}

py::Ref decode_script(Context& context, const core::Message& message) {
  py::Ref code = decode(context, message);
  if (code && !PyCode_Check(code.get())) {
    raise_corrupted();
    raise_not_shareable(context, "not a script");
    return {};
  }
  return code;
}

}  // namespace libatoll::transfer
