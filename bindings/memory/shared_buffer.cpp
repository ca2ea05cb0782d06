#include "memory/shared_buffer.hpp"

#include <cstring>

#include "memory/part.hpp"
#include "py/buffer_view.hpp"
#include "support/fast_arguments.hpp"
#include "transfer/classes/extension_types.hpp"

namespace libatoll::bindings {

namespace {

using core::Handle;
using core::SharedBuffer;
using transfer::ExtensionValue;
using transfer::Tag;

Py_ssize_t size_of(PyObject* object) noexcept {
  return static_cast<Py_ssize_t>(memory_of(object).size());
}

/// A part of the memory of `object`, as a SharedBuffer.
PyObject* part_of(PyObject* object, Py_ssize_t offset, Py_ssize_t size, bool readonly) {
  return make_shared_buffer(Py_TYPE(object),
                            memory_of(object).slice(static_cast<std::size_t>(offset),
                                                    static_cast<std::size_t>(size), readonly))
      .release();
}

// --- making --------------------------------------------------------------------------------------

PyObject* create(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if ((kwargs && PyDict_GET_SIZE(kwargs) != 0) || PyTuple_GET_SIZE(args) != 1) {
    PyErr_SetString(PyExc_TypeError,
                    "SharedBuffer() takes exactly one positional argument, the size in bytes");
    return nullptr;
  }
  const Py_ssize_t size = PyNumber_AsSsize_t(PyTuple_GET_ITEM(args, 0), PyExc_OverflowError);
  if (size == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_TypeError) &&
        PyObject_CheckBuffer(PyTuple_GET_ITEM(args, 0))) {
      PyErr_SetString(PyExc_TypeError,
                      "the size must be an integer; SharedBuffer.of() copies what is bytes-like");
    }
    return nullptr;
  }
  if (size < 0) {
    PyErr_SetString(PyExc_ValueError, "the size must not be negative");
    return nullptr;
  }
  return make_shared_buffer(type, SharedBuffer::zeros(static_cast<std::size_t>(size))).release();
}

constexpr const char* of_names[] = {"data", "readonly"};
constexpr Signature of_signature = {"of", of_names, 2, 1, 1};

PyObject* of(PyObject* type, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* given[2];
  if (!parse_fast(of_signature, args, nargs, kwnames, given)) return nullptr;
  const int readonly = given[1] ? PyObject_IsTrue(given[1]) : 0;
  py::BufferView view;
  if (readonly < 0 || !view.get(given[0], PyBUF_FULL_RO)) return nullptr;
  auto memory = copy_content(*view, readonly != 0);
  if (!memory) return nullptr;
  return make_shared_buffer(reinterpret_cast<PyTypeObject*>(type), std::move(memory)).release();
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  auto& self = *reinterpret_cast<SharedBufferObject*>(object);
  if (self.weakrefs) PyObject_ClearWeakRefs(object);
  if (self.memory) self.memory->release();
  type->tp_free(object);
  Py_DECREF(type);
}

// --- slots ---------------------------------------------------------------------------------------

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const SharedBuffer& memory = memory_of(object);
  return PyBuffer_FillInfo(view, object, memory.data(), size_of(object), memory.readonly() ? 1 : 0,
                           flags);
}

PyObject* repr(PyObject* object) {
  return PyUnicode_FromFormat("<atoll.SharedBuffer of %zd bytes%s>", size_of(object),
                              memory_of(object).readonly() ? ", read-only" : "");
}

/// The same bytes as anything that is bytes-like.
PyObject* compare(PyObject* object, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyObject_CheckBuffer(other)) Py_RETURN_NOTIMPLEMENTED;
  py::BufferView view;
  if (!view.get(other, PyBUF_SIMPLE)) {
    PyErr_Clear();
    Py_RETURN_NOTIMPLEMENTED;
  }
  const SharedBuffer& memory = memory_of(object);
  const bool equal =
      view->len == size_of(object) &&
      (view->buf == memory.data() || std::memcmp(view->buf, memory.data(), memory.size()) == 0);
  return PyBool_FromLong(equal == (op == Py_EQ));
}

/// What is between the brackets.
struct Subscript {
  Py_ssize_t start;
  Py_ssize_t size;  ///< of a slice
  bool is_slice;
};

/// False with a Python error set.
bool parse_subscript(PyObject* object, PyObject* key, Subscript& out) {
  if (PySlice_Check(key)) {
    Py_ssize_t stop = 0;
    Py_ssize_t step = 0;
    if (PySlice_Unpack(key, &out.start, &stop, &step) < 0) return false;
    if (step != 1) {
      PyErr_SetString(PyExc_ValueError,
                      "a slice of a SharedBuffer is one piece: take other steps of a memoryview");
      return false;
    }
    out.size = PySlice_AdjustIndices(size_of(object), &out.start, &stop, step);
    out.is_slice = true;
    return true;
  }
  if (!PyIndex_Check(key)) {
    PyErr_Format(PyExc_TypeError, "indices must be integers or slices, not %.200s",
                 Py_TYPE(key)->tp_name);
    return false;
  }
  out.start = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (out.start == -1 && PyErr_Occurred()) return false;
  if (out.start < 0) out.start += size_of(object);
  if (out.start < 0 || out.start >= size_of(object)) {
    PyErr_SetString(PyExc_IndexError, "index out of range");
    return false;
  }
  out.is_slice = false;
  return true;
}

PyObject* item(PyObject* object, Py_ssize_t index) {
  if (index < 0 || index >= size_of(object)) {
    PyErr_SetString(PyExc_IndexError, "index out of range");
    return nullptr;
  }
  return PyLong_FromLong(static_cast<unsigned char>(memory_of(object).data()[index]));
}

PyObject* subscript(PyObject* object, PyObject* key) {
  Subscript at{};
  if (!parse_subscript(object, key, at)) return nullptr;
  return at.is_slice ? part_of(object, at.start, at.size, false) : item(object, at.start);
}

int assign(PyObject* object, PyObject* key, PyObject* value) {
  const SharedBuffer& memory = memory_of(object);
  if (!value || memory.readonly()) {
    PyErr_SetString(PyExc_TypeError,
                    value ? "this SharedBuffer is read-only" : "memory cannot be deleted");
    return -1;
  }
  Subscript at{};
  if (!parse_subscript(object, key, at)) return -1;
  if (!at.is_slice) {
    const Py_ssize_t byte = PyNumber_AsSsize_t(value, PyExc_ValueError);
    if (byte == -1 && PyErr_Occurred()) return -1;
    if (byte < 0 || byte > 0xFF) {
      PyErr_SetString(PyExc_ValueError, "a byte is in range(0, 256)");
      return -1;
    }
    memory.data()[at.start] = static_cast<std::byte>(byte);
    return 0;
  }
  py::BufferView view;
  if (!view.get(value, PyBUF_SIMPLE)) return -1;
  if (view->len != at.size) {
    PyErr_Format(PyExc_ValueError, "%zd bytes do not fit a slice of %zd", view->len, at.size);
    return -1;
  }
  if (at.size != 0) std::memmove(memory.data() + at.start, view->buf, static_cast<size_t>(at.size));
  return 0;
}

// --- methods -------------------------------------------------------------------------------------

PyObject* to_readonly(PyObject* object, PyObject*) {
  return part_of(object, 0, size_of(object), true);
}

PyObject* to_bytes(PyObject* object, PyObject*) {
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(memory_of(object).data()),
                                   size_of(object));
}

PyObject* total_bytes(PyObject*, PyObject*) {
  return PyLong_FromUnsignedLongLong(SharedBuffer::total_bytes());
}

PyObject* get_readonly(PyObject* object, void*) {
  return PyBool_FromLong(memory_of(object).readonly());
}

PyObject* get_size(PyObject* object, void*) {
  return PyLong_FromSsize_t(size_of(object));
}

PyMethodDef methods[] = {
    {"of", as_method(of), METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
     "of($type, data, /, *, readonly=False)\n--\n\n"
     "Return a SharedBuffer with a copy of the content of a bytes-like object."},
    {"toreadonly", to_readonly, METH_NOARGS,
     "toreadonly($self, /)\n--\n\n"
     "Return a read-only SharedBuffer on the same memory.\n\n"
     "What is made of it, wherever it goes, is read-only too; this one remains as it is."},
    {"tobytes", to_bytes, METH_NOARGS,
     "tobytes($self, /)\n--\n\nReturn a copy of the content, as bytes."},
    {"total_bytes", total_bytes, METH_NOARGS | METH_STATIC,
     "total_bytes()\n--\n\n"
     "How many bytes of shared memory are in use, in all interpreters of the process.\n\n"
     "Counts each memory once, with arrays and large buffers that are on their way or have\n"
     "arrived."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"readonly", get_readonly, nullptr, "Whether it can be read only.", nullptr},
    {"nbytes", get_size, nullptr, "The size in bytes, as len().", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(SharedBufferObject, weakrefs), Py_READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(create)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
    {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
    {Py_tp_iter, reinterpret_cast<void*>(PySeqIter_New)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
    {Py_sq_length, reinterpret_cast<void*>(size_of)},
    {Py_sq_item, reinterpret_cast<void*>(item)},
    {Py_mp_length, reinterpret_cast<void*>(size_of)},
    {Py_mp_subscript, reinterpret_cast<void*>(subscript)},
    {Py_mp_ass_subscript, reinterpret_cast<void*>(assign)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc,
     const_cast<char*>(
         "SharedBuffer(size, /)\n--\n\n"
         "Memory of so many bytes, at first all 0, that every interpreter sees without a copy.\n\n"
         "Sent to another interpreter it arrives as a SharedBuffer on the same memory, whatever its\n"
         "size. A slice is one, too. It has the buffer protocol and begins at a multiple of 64\n"
         "bytes. The memory lives until nobody has it any more: no interpreter, no message, no\n"
         "view. Nothing keeps those who write from those who read: that is up to you.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll.SharedBuffer",
    sizeof(SharedBufferObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

// --- travelling ----------------------------------------------------------------------------------

py::Status encode(PyObject* object, ExtensionValue& out) {
  out.object = Handle<SharedBuffer>::share(&memory_of(object));
  return py::Status::ok;
}

py::Ref decode(PyObject* type, const ExtensionValue& value) {
  auto* const memory = dynamic_cast<SharedBuffer*>(value.object.get());
  if (!memory) {
    PyErr_SetString(PyExc_ValueError, "a message carries no memory where it says so");
    return {};
  }
  return make_shared_buffer(reinterpret_cast<PyTypeObject*>(type),
                            Handle<SharedBuffer>::share(memory));
}

}  // namespace

py::Ref make_shared_buffer(PyTypeObject* type, Handle<SharedBuffer> memory) {
  if (!memory) {
    PyErr_NoMemory();
    return {};
  }
  py::Ref object = py::Ref::steal(type->tp_alloc(type, 0));
  if (object) reinterpret_cast<SharedBufferObject*>(object.get())->memory = memory.detach();
  return object;
}

Handle<SharedBuffer> copy_content(const Py_buffer& view, bool readonly) {
  /// What takes longer to copy than others want to wait for the GIL.
  constexpr Py_ssize_t much = Py_ssize_t{1} << 20;
  const auto size = static_cast<std::size_t>(view.len);
  Handle<SharedBuffer> memory;
  if (PyBuffer_IsContiguous(&view, 'C')) {
    PyThreadState* const saved = view.len >= much ? PyEval_SaveThread() : nullptr;
    memory = SharedBuffer::copy_of(view.buf, size, readonly);
    if (saved) PyEval_RestoreThread(saved);
    if (!memory) PyErr_NoMemory();
    return memory;
  }
  memory = SharedBuffer::uninitialized(size);
  if (!memory) {
    PyErr_NoMemory();
    return {};
  }
  if (PyBuffer_ToContiguous(memory->data(), &view, view.len, 'C') != 0) return {};
  if (!readonly) return memory;
  auto part = memory->slice(0, size, true);
  if (!part) PyErr_NoMemory();
  return part;
}

PyTypeObject* make_shared_buffer_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

py::Status register_shared_buffer(const State& state) {
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  transfer::set_extension_home(Tag::buffer, "atoll._atoll");
  return transfer::register_extension_type(
      *context, reinterpret_cast<PyObject*>(shared_memory_of(state).shared_buffer_type),
      {Tag::buffer, true, encode, decode});
}

}  // namespace libatoll::bindings
