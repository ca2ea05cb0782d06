#include "interpreters/output.hpp"

#include <new>
#include <string_view>
#include <utility>

#include "atoll/error.hpp"
#include "interpreters/part.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/held_objects.hpp"
#include "runtime/session/session.hpp"
#include "runtime/session/signals.hpp"
#include "support/state.hpp"
#include "transfer/classes/extension_types.hpp"

namespace libatoll::bindings {

namespace {

using runtime::RemoteObject;
using runtime::Session;
using transfer::ExtensionValue;
using transfer::Tag;

using StreamHandle = core::Handle<RemoteObject>;

struct RemoteStreamObject {
  PyObject_HEAD
  StreamHandle stream;
  State* state;  ///< of the module of the type
};

RemoteStreamObject& self_of(PyObject* object) {
  return *reinterpret_cast<RemoteStreamObject*>(object);
}

py::Ref wrap(State& state, PyTypeObject* type, StreamHandle stream) {
  py::Ref object = py::Ref::steal(type->tp_alloc(type, 0));
  if (!object) return {};
  RemoteStreamObject& self = self_of(object.get());
  new (&self.stream) StreamHandle(std::move(stream));
  self.state = &state;
  return object;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"", nullptr};
  PyObject* stream = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:RemoteStream", const_cast<char**>(names),
                                   &stream)) {
    return nullptr;
  }
  State* state = state_of_type(type);
  if (!state) return nullptr;
  const py::Ref write = py::Ref::steal(PyObject_GetAttrString(stream, "write"));
  if (!write || !PyCallable_Check(write.get())) {
    PyErr_Format(PyExc_TypeError, "a stream needs a method write(), which %.200s lacks",
                 Py_TYPE(stream)->tp_name);
    return nullptr;
  }
  StreamHandle held = RemoteObject::hold(*state->self, stream);
  return held ? wrap(*state, type, std::move(held)).release() : nullptr;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  RemoteStreamObject& self = self_of(object);
  self.stream.~StreamHandle();
  // If that was the last of a stream of this interpreter, the stream goes at once.
  self.state->self->held().drain();
  type->tp_free(object);
  Py_DECREF(type);
}

// --- in the stream's interpreter -----------------------------------------------------------------

enum class Written { yes, no, interrupted };

/// An error is the stream's affair: it is reported there. But what the main thread's signal
/// handlers raise (Ctrl-C, sys.exit() in one of them) only happened to come up here.
Written report(PyObject* stream) {
  if (runtime::signals::on_main_thread() && !PyErr_ExceptionMatches(PyExc_Exception)) {
    PyErr_Clear();
    return Written::interrupted;
  }
  PyErr_WriteUnraisable(stream);
  return Written::yes;
}

/// Calls `action(stream)`, which returns a new reference or null with an error set, in the
/// stream's interpreter. `no`: it cannot be entered any more.
template <class Action>
Written inside(const RemoteObject& remote, Action&& action) {
  if (remote.owner().held().is_closed()) return Written::no;
  try {
    Session session(remote.owner(), Session::Access::pin);
    remote.owner().held().drain();
    Written written = Written::no;
    if (const py::Ref stream = remote.object()) {
      const bool done = py::guarded([&] { return bool(action(stream.get())); });
      written = done ? Written::yes : report(stream.get());
    }
    session.leave();
    return written;
  } catch (const InterpreterNotFoundError&) {
    return Written::no;
  }
}

/// True if it was written, False if the stream's interpreter is gone.
PyObject* result_of(Written written) {
  if (written != Written::interrupted) return PyBool_FromLong(written == Written::yes);
  // The same Ctrl-C may have been delivered here, too.
  (void)runtime::signals::take_interrupt();
  PyErr_SetNone(PyExc_KeyboardInterrupt);
  return nullptr;
}

// --- methods -------------------------------------------------------------------------------------

PyObject* write(PyObject* object, PyObject* text) {
  RemoteStreamObject& self = self_of(object);
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "write() argument must be str, not %.200s",
                 Py_TYPE(text)->tp_name);
    return nullptr;
  }
  // The bytes stay where they are while the other interpreter reads them: we hold the object.
  const py::Ref bytes = py::Ref::steal(PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"));
  if (!bytes) return nullptr;
  const std::string_view utf8(PyBytes_AS_STRING(bytes.get()),
                              static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
  return translated(*self.state, [&] {
    return result_of(inside(*self.stream, [utf8](PyObject* stream) {
      const py::Ref copy = py::Ref::steal(
          PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "surrogatepass"));
      const py::Ref name = py::Ref::steal(PyUnicode_InternFromString("write"));
      if (!copy || !name) return py::Ref();
      return py::Ref::steal(PyObject_CallMethodOneArg(stream, name.get(), copy.get()));
    }));
  });
}

PyObject* flush(PyObject* object, PyObject*) {
  RemoteStreamObject& self = self_of(object);
  return translated(*self.state, [&] {
    return result_of(inside(*self.stream, [](PyObject* stream) {
      const py::Ref name = py::Ref::steal(PyUnicode_InternFromString("flush"));
      if (!name || !PyObject_HasAttr(stream, name.get())) return py::Ref::borrow(Py_None);
      return py::Ref::steal(PyObject_CallMethodNoArgs(stream, name.get()));
    }));
  });
}

PyObject* repr(PyObject* object) {
  return PyUnicode_FromFormat("<atoll._atoll.RemoteStream of interpreter %lld>",
                              static_cast<long long>(self_of(object).stream->owner().id()));
}

PyMethodDef methods[] = {
    {"write", write, METH_O,
     "write($self, text, /)\n--\n\n"
     "Call the stream's write() in its interpreter.\n\n"
     "Returns False if that interpreter is gone. An error of the stream is reported there (see\n"
     "sys.unraisablehook) and not raised here."},
    {"flush", flush, METH_NOARGS,
     "flush($self, /)\n--\n\n"
     "Call the stream's flush(), if it has one, in its interpreter; as write()."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_methods, methods},
    {Py_tp_doc, const_cast<char*>("RemoteStream(stream, /)\n--\n\n"
                                  "An object with write(str), for other interpreters to use.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll._atoll.RemoteStream",
    sizeof(RemoteStreamObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

// --- on the way ----------------------------------------------------------------------------------

py::Status encode_stream(PyObject* object, ExtensionValue& out) {
  out.object = self_of(object).stream;
  return py::Status::ok;
}

py::Ref decode_stream(PyObject* type, const ExtensionValue& value) {
  auto* const stream = dynamic_cast<RemoteObject*>(value.object.get());
  if (!stream) {
    PyErr_SetString(PyExc_ValueError, "a message carries no stream where it says so");
    return {};
  }
  auto* const stream_type = reinterpret_cast<PyTypeObject*>(type);
  State* const state = state_of_type(stream_type);
  return state ? wrap(*state, stream_type, StreamHandle::share(stream)) : py::Ref();
}

}  // namespace

py::Status add_output(PyObject* module) {
  State& state = state_of(module);
  PyTypeObject*& type = interpreters_of(state).remote_stream_type;
  type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  transfer::Context* const context = state.context();
  if (!type || !context || PyModule_AddType(module, type) != 0) return py::Status::error;
  transfer::set_extension_home(Tag::remote_stream, "atoll._atoll");
  return transfer::register_extension_type(
      *context, reinterpret_cast<PyObject*>(type),
      {Tag::remote_stream, false, encode_stream, decode_stream});
}

}  // namespace libatoll::bindings
