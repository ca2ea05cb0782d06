#include "transfer/memory/shared_memory.hpp"

#include "py/buffer_request.hpp"
#include "transfer/context/impl.hpp"

namespace libatoll::transfer {
namespace {

/// Instance of the exporter type.
struct Exporter {
  PyObject_HEAD
  core::Object* memory;  ///< a count of its own
  Py_buffer view;        ///< what to hand out; its pointers live in `memory`
  Py_ssize_t shape[1];
};

// What was handed out may have been the last use of another interpreter's export, or of one of
// this.
void dealloc(PyObject* self) {
  auto* const exporter = reinterpret_cast<Exporter*>(self);
  PyTypeObject* const type = Py_TYPE(self);
  core::Object* const memory = exporter->memory;
  type->tp_free(self);
  Py_DECREF(type);
  if (memory) memory->release();
  if (Context* const context = find_current()) drain_releases(*context);
}

int get_buffer(PyObject* self, Py_buffer* out, int flags) {
  return py::answer_buffer_request(self, reinterpret_cast<Exporter*>(self)->view, out, flags);
}

PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
    {Py_tp_doc, const_cast<char*>("Memory that came from another interpreter.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll.SharedMemory",
    sizeof(Exporter),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

Exporter* make(Context& context) {
  py::Ref& type = context.impl().shared_memory_type;
  if (!type) {
    type.set_once(py::Ref::steal(PyType_FromSpec(&spec)));
    if (!type) return nullptr;
  }
  auto* const actual = reinterpret_cast<PyTypeObject*>(type.get());
  return reinterpret_cast<Exporter*>(actual->tp_alloc(actual, 0));
}

}  // namespace

core::Handle<core::Object> memory_behind(Context& context, PyObject* exporter) {
  if (!exporter) return {};
  if (Py_IS_TYPE(exporter,
                 reinterpret_cast<PyTypeObject*>(context.impl().shared_memory_type.get()))) {
    return core::Handle<core::Object>::share(reinterpret_cast<Exporter*>(exporter)->memory);
  }
  // Of what travels by itself, buffers and arrays export memory: that which they travel with.
  Tag tag{};
  ExtensionValue value;
  if (describe_extension(context, exporter, tag, value)) return value.object;
  PyErr_Clear();
  return {};
}

py::Ref share_export(Context& context, core::Handle<BufferExport> memory) {
  Exporter* const exporter = make(context);
  if (!exporter) return {};
  exporter->view = memory->view();
  exporter->view.obj = nullptr;
  exporter->view.internal = nullptr;
  exporter->memory = memory.detach();
  return py::Ref::steal(reinterpret_cast<PyObject*>(exporter));
}

py::Ref share_bytes(Context& context, core::Handle<core::SharedBuffer> memory) {
  Exporter* const exporter = make(context);
  if (!exporter) return {};
  Py_buffer& view = exporter->view;
  view.buf = memory->data();
  view.len = static_cast<Py_ssize_t>(memory->size());
  view.itemsize = 1;
  view.readonly = memory->readonly() ? 1 : 0;
  view.ndim = 1;
  view.format = const_cast<char*>("B");
  exporter->shape[0] = view.len;
  view.shape = exporter->shape;
  view.strides = &view.itemsize;
  exporter->memory = memory.detach();
  return py::Ref::steal(reinterpret_cast<PyObject*>(exporter));
}

}  // namespace libatoll::transfer
