#include "transfer/pickle/hooks.hpp"

#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/main/names.hpp"
#include "transfer/memory/shared_memory.hpp"
#include "transfer/pickle/support.hpp"

namespace libatoll::transfer {
namespace {

constexpr int memory_tag = 0xFF;

/// reduce function of a registered type: a call of the function that decodes.
PyObject* reduce_registered(PyObject*, PyObject* object) {
  Context* const context = find_current();
  const ClassFacts* const facts =
      context ? context->impl().classes.find_registered(Py_TYPE(object)) : nullptr;
  if (!facts) {
    PyErr_SetString(PyExc_TypeError, "the type is no longer registered");
    return nullptr;
  }
  const py::Ref decode = facts->decode;
  const auto value = py::Ref::steal(PyObject_CallOneArg(facts->encode.get(), object));
  return value ? Py_BuildValue("(O(O))", decode.get(), value.get()) : nullptr;
}

PyMethodDef reduce_registered_def = {"reduce_registered", reduce_registered, METH_O, nullptr};

/// reduce function: what the pickle says of an object is `restore(tag, number, attachment + 1)`.
PyObject* reduce(PyObject*, PyObject* object) {
  Context* const context = find_current();
  Encoder* const encoder = PickleInProgress::encoder();
  if (!context || !encoder) {
    PyErr_SetString(PyExc_SystemError, "no pickle is being made");
    return nullptr;
  }
  int tag = memory_tag;
  ExtensionValue value;
  if (PyMemoryView_Check(object)) {
    value.object = BufferExport::create(*context, object);
    if (!value.object) return nullptr;
  } else {
    const TypeEntry entry = context->impl().types.find(Py_TYPE(object));
    tag = entry.index;
    if (py::failed(context->impl().extensions[entry.index].encode(object, value))) return nullptr;
  }
  try {
    const std::size_t index = value.object ? encoder->attach(std::move(value.object)) + 1 : 0;
    PyObject* const restore = pickle_support(*context, "restore");
    return restore ? Py_BuildValue("(O(iKn))", restore, tag,
                                   static_cast<unsigned long long>(value.number),
                                   static_cast<Py_ssize_t>(index))
                   : nullptr;
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyMethodDef reduce_def = {"reduce", reduce, METH_O, nullptr};

// The pickler's dispatch_table: copyreg's, and before it the types of this layer.
PyObject* find_reducer(PyObject*, PyObject* type) {
  Context* const context = find_current();
  if (!context || !PyType_Check(type)) {
    PyErr_SetObject(PyExc_KeyError, type);
    return nullptr;
  }
  auto* const actual = reinterpret_cast<PyTypeObject*>(type);
  if (actual == &PyMemoryView_Type ||
      context->impl().types.find(actual).kind == TypeKind::extension) {
    return PyCFunction_New(&reduce_def, nullptr);
  }
  if (context->impl().classes.find_registered(actual)) {
    return PyCFunction_New(&reduce_registered_def, nullptr);
  }
  const auto copyreg = py::Ref::steal(PyImport_ImportModule("copyreg"));
  const auto table =
      py::Ref::steal(copyreg ? PyObject_GetAttrString(copyreg.get(), "dispatch_table") : nullptr);
  if (!table) return nullptr;
  PyObject* const found = PyObject_GetItem(table.get(), type);
  if (found || !PyExceptionClass_Check(type) || !PyErr_ExceptionMatches(PyExc_KeyError)) {
    return found;
  }
  PyErr_Clear();
  Encoder* const encoder = PickleInProgress::encoder();
  const bool is_alone = !encoder || encoder->exceptions() == ExceptionLinks::left_out;
  return Py_XNewRef(
      pickle_support(*context, is_alone ? "reduce_exception_alone" : "reduce_exception"));
}

PyType_Slot slots[] = {
    {Py_mp_subscript, reinterpret_cast<void*>(find_reducer)},
    {0, nullptr},
};

PyType_Spec spec = {"atoll.Reducers", sizeof(PyObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace

PyObject* restore_attachment(PyObject*, PyObject* args) {
  int tag = 0;
  unsigned long long number = 0;
  Py_ssize_t attachment = 0;
  if (!PyArg_ParseTuple(args, "iKn", &tag, &number, &attachment)) return nullptr;
  Context* const context = find_current();
  Decoder* const decoder = InProgress<Decoder>::current();
  if (!context || !decoder || &decoder->context() != context) {
    PyErr_SetString(PyExc_ValueError, "the message of this object is gone");
    return nullptr;
  }
  if (tag == memory_tag) {
    return attachment > 0 ? decoder->memory(static_cast<std::size_t>(attachment - 1)).release()
                          : nullptr;
  }
  ExtensionValue value;
  value.number = number;
  if (attachment > 0) {
    core::Object* const object = decoder->attachment(static_cast<std::size_t>(attachment - 1));
    if (!object) return nullptr;
    value.object = core::Handle<core::Object>::share(object);
  }
  return restore_extension(*context, static_cast<std::uint8_t>(tag), value).release();
}

Encoder* PickleInProgress::encoder() noexcept {
  State* const state = InProgress<State>::current();
  if (!state) return nullptr;
  state->used = true;
  return state->encoder;
}

py::Ref dump_with_hooks(Encoder& encoder, PyObject* object, PyObject* buffer_callback,
                        Globals globals, bool& used) {
  Context::Impl& impl = encoder.context().impl();
  if (!impl.reducers) {
    const auto type = py::Ref::steal(PyType_FromSpec(&spec));
    impl.reducers.set_once(py::Ref::steal(type ? PyObject_CallNoArgs(type.get()) : nullptr));
    if (!impl.reducers) return {};
  }
  Context& context = encoder.context();
  const PickleInProgress in_progress(encoder);
  py::Ref pickled;
  PyObject* const whole = encoder.whole() ? encoder.whole() : Py_None;
  if (globals == Globals::by_name) {
    pickled = call_support(context, "dump", object, impl.reducers.get(), buffer_callback, whole);
  } else {
    const py::Ref name = to_text(encoder.root_name());
    if (!name) return {};
    PyObject* const closures = globals == Globals::by_value ? Py_True : Py_False;
    PyObject* const root = encoder.root() ? encoder.root() : Py_None;
    pickled = call_support(context, "dump_by_value", object, impl.reducers.get(), buffer_callback,
                           whole, closures, root, name.get());
  }
  // What is by value names functions of this layer in any case.
  used = in_progress.is_used() || globals != Globals::by_name;
  return pickled;
}

}  // namespace libatoll::transfer
