#include "transfer/shared_memory.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "transfer/context_impl.hpp"

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
  const Py_buffer& view = reinterpret_cast<Exporter*>(self)->view;
  out->obj = nullptr;
  const auto refuse = [](const char* why) {
    PyErr_SetString(PyExc_BufferError, why);
    return -1;
  };
  const auto asks = [flags](int what) { return (flags & what) == what; };
  if (asks(PyBUF_WRITABLE) && view.readonly) return refuse("memory is read-only");
  if (asks(PyBUF_C_CONTIGUOUS) && !PyBuffer_IsContiguous(&view, 'C')) {
    return refuse("memory is not C-contiguous");
  }
  if (asks(PyBUF_F_CONTIGUOUS) && !PyBuffer_IsContiguous(&view, 'F')) {
    return refuse("memory is not Fortran contiguous");
  }
  if (asks(PyBUF_ANY_CONTIGUOUS) && !PyBuffer_IsContiguous(&view, 'A')) {
    return refuse("memory is not contiguous");
  }
  if (!asks(PyBUF_INDIRECT) && view.suboffsets) return refuse("memory needs suboffsets");
  if (!asks(PyBUF_STRIDES) && !PyBuffer_IsContiguous(&view, 'C')) {
    return refuse("memory is not C-contiguous");
  }
  *out = view;
  if (!asks(PyBUF_FORMAT)) out->format = nullptr;
  if (!asks(PyBUF_ND)) out->shape = nullptr;
  if (!asks(PyBUF_STRIDES)) out->strides = nullptr;
  if (!asks(PyBUF_INDIRECT)) out->suboffsets = nullptr;
  out->obj = Py_NewRef(self);
  return 0;
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
    type = py::Ref::steal(PyType_FromSpec(&spec));
    if (!type) return nullptr;
  }
  auto* const actual = reinterpret_cast<PyTypeObject*>(type.get());
  return reinterpret_cast<Exporter*>(actual->tp_alloc(actual, 0));
}

}  // namespace

core::Handle<SharedBytes> SharedBytes::copy_of(const void* data, std::size_t size,
                                               bool readonly) noexcept {
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  auto* const block =
      static_cast<std::byte*>(std::aligned_alloc(alignment, rounded ? rounded : alignment));
  if (!block) return {};
  std::memcpy(block, data, size);
  auto* const made = new (std::nothrow) SharedBytes(block, size, readonly);
  if (!made) std::free(block);
  return core::Handle<SharedBytes>::adopt(made);
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

py::Ref share_bytes(Context& context, core::Handle<SharedBytes> memory) {
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
