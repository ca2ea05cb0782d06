#include "transfer/exceptions/exception.hpp"

#include <cstring>

#include "py/thread_state.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/exceptions/chain.hpp"

namespace libatoll::transfer {
namespace {

/// Keeps the error indicator of the caller across code that must leave none.
class KeepError {
 public:
  KeepError() noexcept : error_(PyErr_GetRaisedException()) {}
  KeepError(const KeepError&) = delete;
  KeepError& operator=(const KeepError&) = delete;
  ~KeepError() {
    PyErr_Clear();
    PyErr_SetRaisedException(error_);
  }

 private:
  PyObject* error_;
};

/// What `call` returns. It may run Python code, during which the process may end.
template <class Call>
py::Ref made_by(Call call) {
  return py::Ref::steal(py::guarded(call));
}

/// UTF-8 with lone surrogates; false: not a text, or no memory.
bool to_utf8(PyObject* text, std::string& out) {
  if (!text || !PyUnicode_Check(text)) return false;
  const auto bytes = py::Ref::steal(PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"));
  if (!bytes) {
    PyErr_Clear();
    return false;
  }
  out.assign(PyBytes_AS_STRING(bytes.get()),
             static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
  return true;
}

py::Ref from_utf8(const std::string& text) {
  return py::Ref::steal(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogatepass"));
}

void describe_type(Context& context, PyTypeObject* type, ExceptionSnapshot& snapshot) {
  const auto name = py::Ref::steal(PyType_GetName(type));
  const auto qualname = py::Ref::steal(PyType_GetQualName(type));
  if (!to_utf8(name.get(), snapshot.type_name)) snapshot.type_name = "Exception";
  if (!to_utf8(qualname.get(), snapshot.type_qualname)) {
    snapshot.type_qualname = snapshot.type_name;
  }
  PyErr_Clear();
  const py::Ref module = made_by([&] {
    return PyObject_GetAttr(reinterpret_cast<PyObject*>(type),
                            context.impl().names.dunder_module.get());
  });
  if (!to_utf8(module.get(), snapshot.type_module)) snapshot.type_module = "<unknown>";
  PyErr_Clear();
}

void describe_message(PyObject* exception, ExceptionSnapshot& snapshot) {
  const py::Ref text = made_by([&] { return PyObject_Str(exception); });
  PyErr_Clear();
  if (!to_utf8(text.get(), snapshot.message)) snapshot.message = "<exception str() failed>";
  const std::string& module = snapshot.type_module;
  if (module != "builtins" && module != "__main__" && module != "<fake __main__>") {
    snapshot.formatted = module + '.' + snapshot.type_qualname;
  } else {
    snapshot.formatted = snapshot.type_qualname;
  }
  snapshot.formatted += ": " + snapshot.message;
}

/// "".join(traceback.TracebackException(type, exc, tb).format()), looked up each time: programs
/// replace it.
bool display(PyObject* exception, std::string& out) {
  const py::Ref module = made_by([] { return PyImport_ImportModule("traceback"); });
  const auto maker =
      py::Ref::steal(module ? PyObject_GetAttrString(module.get(), "TracebackException") : nullptr);
  if (!maker) return false;
  const auto traceback = py::Ref::steal(PyException_GetTraceback(exception));
  const py::Ref formatter = made_by([&] {
    return PyObject_CallFunctionObjArgs(maker.get(),
                                        reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception,
                                        traceback ? traceback.get() : Py_None, nullptr);
  });
  const auto lines =
      py::Ref::steal(formatter ? PyObject_CallMethod(formatter.get(), "format", nullptr) : nullptr);
  const auto empty = py::Ref::steal(lines ? PyUnicode_New(0, 127) : nullptr);
  // `lines` is a generator.
  const py::Ref joined =
      made_by([&] { return empty ? PyUnicode_Join(empty.get(), lines.get()) : nullptr; });
  if (!joined || !to_utf8(joined.get(), out)) return false;
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return true;
}

}  // namespace

ExceptionSnapshot capture(Context& context, PyObject* exception,
                          std::optional<Mode> original) noexcept {
  ExceptionSnapshot snapshot;
  const KeepError keep;
  try {
    describe_type(context, Py_TYPE(exception), snapshot);
    describe_message(exception, snapshot);
    std::string text;
    if (display(exception, text)) snapshot.errdisplay = std::move(text);
    PyErr_Clear();
    if (original) {
      core::Message encoded;
      if (!py::failed(encode_chain(context, exception, *original, encoded))) {
        snapshot.original = std::move(encoded);
      }
      PyErr_Clear();
    }
  } catch (const std::bad_alloc&) {
    // What was read so far has to do.
  }
  return snapshot;
}

py::Ref to_namespace(Context& context, const ExceptionSnapshot& snapshot) {
  py::Ref& maker = context.impl().stdlib_types.simple_namespace;
  if (!maker) {
    const auto types = py::Ref::steal(PyImport_ImportModule("types"));
    if (!types) return {};
    maker.set_once(py::Ref::steal(PyObject_GetAttrString(types.get(), "SimpleNamespace")));
    if (!maker) return {};
  }
  const auto build = [&maker](std::initializer_list<std::pair<const char*, PyObject*>> fields) {
    const auto kwargs = py::Ref::steal(PyDict_New());
    const auto none = py::Ref::steal(PyTuple_New(0));
    if (!kwargs || !none) return py::Ref();
    for (const auto& [name, value] : fields) {
      if (!value || PyDict_SetItemString(kwargs.get(), name, value) < 0) return py::Ref();
    }
    return py::Ref::steal(PyObject_Call(maker.get(), none.get(), kwargs.get()));
  };
  const py::Ref name = from_utf8(snapshot.type_name);
  const py::Ref qualname = from_utf8(snapshot.type_qualname);
  const py::Ref module = from_utf8(snapshot.type_module);
  const py::Ref message = from_utf8(snapshot.message);
  const py::Ref formatted = from_utf8(snapshot.formatted);
  if (!name || !qualname || !module || !message || !formatted) return {};
  const py::Ref type = build(
      {{"__name__", name.get()}, {"__qualname__", qualname.get()}, {"__module__", module.get()}});
  if (!type) return {};
  py::Ref result =
      build({{"type", type.get()}, {"msg", message.get()}, {"formatted", formatted.get()}});
  if (!result || !snapshot.errdisplay) return result;
  const py::Ref text = from_utf8(*snapshot.errdisplay);
  if (!text || PyObject_SetAttrString(result.get(), "errdisplay", text.get()) < 0) return {};
  return result;
}

py::Ref rebuild(Context& context, const ExceptionSnapshot& snapshot, PyObject* cause) noexcept {
  if (!snapshot.original) return {};
  const KeepError keep;
  py::Ref exception = decode_chain(context, *snapshot.original);
  if (exception && cause) {
    add_far_cause(exception.get(), cause);
  } else if (exception && snapshot.errdisplay) {
    add_remote_traceback(context, exception.get(), *snapshot.errdisplay);
  }
  return exception;
}

Refusal capture_refusal(Context&, PyObject* exception) noexcept {
  Refusal refusal;
  const KeepError keep;
  try {
    const auto text = py::Ref::steal(PyObject_Str(exception));
    PyErr_Clear();
    if (!to_utf8(text.get(), refusal.message)) refusal.message = "object is not shareable";
    const auto cause = py::Ref::steal(PyException_GetCause(exception));
    std::string shown;
    if (cause && display(cause.get(), shown)) refusal.cause = std::move(shown);
  } catch (const std::bad_alloc&) {
    // What was read so far has to do.
  }
  return refusal;
}

void raise_refusal(Context& context, const Refusal& refusal) {
  const py::Ref message = from_utf8(refusal.message);
  const py::Ref error =
      message ? py::Ref::steal(PyObject_CallOneArg(context.not_shareable_error(), message.get()))
              : py::Ref();
  if (!error) return;
  if (refusal.cause) {
    const py::Ref text = from_utf8(*refusal.cause);
    py::Ref cause =
        text ? py::Ref::steal(PyObject_CallOneArg(PyExc_Exception, text.get())) : py::Ref();
    if (!cause) return;
    PyException_SetCause(error.get(), cause.release());
  }
  PyErr_SetObject(context.not_shareable_error(), error.get());
}

}  // namespace libatoll::transfer
