#include "memory/shared_array.hpp"

#include <bit>
#include <cstdint>

#include "memory/dlpack.hpp"
#include "memory/part.hpp"
#include "memory/shared_array_elements.hpp"
#include "memory/shared_buffer.hpp"
#include "py/buffer_request.hpp"
#include "py/buffer_view.hpp"
#include "support/fast_arguments.hpp"
#include "transfer/classes/extension_types.hpp"

namespace libatoll::bindings {

namespace {

using core::ElementType;
using core::Handle;
using core::SharedArray;
using core::SharedBuffer;
using transfer::ExtensionValue;
using transfer::Tag;

/// "(3, 4)"
PyObject* tuple_of(SharedArray::Extents extents) {
  py::Ref tuple = py::Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(extents.size())));
  if (!tuple) return nullptr;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    PyObject* const number = PyLong_FromSsize_t(extents[i]);
    if (!number) return nullptr;
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), number);
  }
  return tuple.release();
}

// --- shapes --------------------------------------------------------------------------------------

/// One length; -1 only with `may_infer`. False with a Python error set.
bool add_length(PyObject* object, bool may_infer, Shape& out) {
  const Py_ssize_t length = PyNumber_AsSsize_t(object, PyExc_OverflowError);
  if (length == -1 && PyErr_Occurred()) return false;
  if (length < 0 && !(may_infer && length == -1)) {
    PyErr_SetString(PyExc_ValueError, "lengths in a shape must not be negative");
    return false;
  }
  if (out.dimensions == SharedArray::most_dimensions) {
    PyErr_Format(PyExc_ValueError, "a SharedArray has at most %zd dimensions",
                 static_cast<Py_ssize_t>(SharedArray::most_dimensions));
    return false;
  }
  out.lengths[out.dimensions++] = length;
  return true;
}

/// An int, or a sequence of them.
bool parse_shape(PyObject* object, bool may_infer, Shape& out) {
  if (PyIndex_Check(object)) return add_length(object, may_infer, out);
  const py::Ref items =
      py::Ref::steal(PySequence_Fast(object, "a shape is an integer or a sequence of integers"));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    const py::Ref item = py::Ref::borrow(PySequence_Fast_GET_ITEM(items.get(), i));
    if (!add_length(item.get(), may_infer, out)) return false;
  }
  return true;
}

/// Puts in the place of a -1 what makes the shape hold `count` elements.
bool infer(Shape& shape, std::size_t count) {
  std::ptrdiff_t* unknown = nullptr;
  for (std::size_t i = 0; i < shape.dimensions; ++i) {
    if (shape.lengths[i] != -1) continue;
    if (unknown) {
      PyErr_SetString(PyExc_ValueError, "only one length can be -1");
      return false;
    }
    unknown = &shape.lengths[i];
  }
  if (unknown) *unknown = 1;
  std::size_t known = 0;
  // Sizes of one byte are counts.
  if (!SharedArray::size_of(core::element_types[1], shape.extents(), known)) known = 0;
  if (unknown && known != 0 && count % known == 0) {
    *unknown = static_cast<std::ptrdiff_t>(count / known);
    return true;
  }
  if (!unknown && known == count) return true;
  PyErr_Format(PyExc_ValueError, "%zu elements do not fit this shape", count);
  return false;
}

/// How many bytes; false with ValueError set if that is no number of bytes.
bool size_of(const ElementType& type, const Shape& shape, std::size_t& bytes) {
  if (SharedArray::size_of(type, shape.extents(), bytes)) return true;
  PyErr_SetString(PyExc_ValueError, "the shape is too large");
  return false;
}

// --- making --------------------------------------------------------------------------------------

PyObject* make_contiguous(PyTypeObject* type, const Handle<SharedBuffer>& memory,
                          const ElementType& element, const Shape& shape) {
  if (!memory) return PyErr_NoMemory();
  return make_shared_array(type, SharedArray::contiguous(memory, element, shape.extents()))
      .release();
}

/// `buffer`'s memory, if it is one of `bytes` bytes for such elements. Empty with an error set.
Handle<SharedBuffer> check_buffer(PyTypeObject* type, PyObject* buffer, const ElementType& element,
                                  std::size_t bytes) {
  const State* const state = state_of_type(type);
  if (!state) return {};
  if (!Py_IS_TYPE(buffer, shared_memory_of(*state).shared_buffer_type)) {
    PyErr_Format(PyExc_TypeError, "buffer must be a SharedBuffer, not %.200s",
                 Py_TYPE(buffer)->tp_name);
    return {};
  }
  SharedBuffer& memory = memory_of(buffer);
  if (memory.size() < bytes) {
    PyErr_Format(PyExc_ValueError, "the array needs %zu bytes, the buffer has %zu", bytes,
                 memory.size());
    return {};
  }
  const std::size_t alignment =
      element.kind == ElementType::Kind::complex ? element.size / 2u : element.size;
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % alignment != 0) {
    PyErr_Format(PyExc_ValueError, "the buffer does not begin where a %s may", element.name);
    return {};
  }
  return Handle<SharedBuffer>::share(&memory);
}

PyObject* create(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"shape", "dtype", "buffer", nullptr};
  PyObject* shape_argument = nullptr;
  PyObject* dtype = nullptr;
  PyObject* buffer = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$O:SharedArray", const_cast<char**>(names),
                                   &shape_argument, &dtype, &buffer)) {
    return nullptr;
  }
  Shape shape;
  if (!parse_shape(shape_argument, false, shape)) return nullptr;
  const ElementType* const element =
      dtype ? parse_dtype(dtype) : core::find_element_type(ElementType::Kind::real, 8);
  std::size_t bytes = 0;
  if (!element || !size_of(*element, shape, bytes)) return nullptr;
  if (!buffer || buffer == Py_None) {
    return make_contiguous(type, SharedBuffer::zeros(bytes), *element, shape);
  }
  const Handle<SharedBuffer> memory = check_buffer(type, buffer, *element, bytes);
  return memory ? make_contiguous(type, memory, *element, shape) : nullptr;
}

constexpr const char* of_names[] = {"array", "readonly"};
constexpr Signature of_signature = {"of", of_names, 2, 1, 1};

PyObject* of(PyObject* type, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* given[2];
  if (!parse_fast(of_signature, args, nargs, kwnames, given)) return nullptr;
  const int readonly = given[1] ? PyObject_IsTrue(given[1]) : 0;
  py::BufferView view;
  if (readonly < 0 || !view.get(given[0], PyBUF_FULL_RO)) return nullptr;
  const ElementType* const element = type_of_format(view->format, view->itemsize);
  if (!element) {
    PyErr_Format(PyExc_TypeError,
                 "the elements (format '%.100s', %zd bytes) are no numbers of the types that a "
                 "SharedArray has",
                 view->format, view->itemsize);
    return nullptr;
  }
  Shape shape;
  shape.dimensions = static_cast<std::size_t>(view->ndim);
  for (int i = 0; i < view->ndim; ++i) shape.lengths[static_cast<std::size_t>(i)] = view->shape[i];
  const Handle<SharedBuffer> memory = copy_content(*view, readonly != 0);
  if (!memory) return nullptr;
  return make_contiguous(reinterpret_cast<PyTypeObject*>(type), memory, *element, shape);
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  auto& self = *reinterpret_cast<SharedArrayObject*>(object);
  if (self.weakrefs) PyObject_ClearWeakRefs(object);
  if (self.array) self.array->release();
  type->tp_free(object);
  Py_DECREF(type);
}

// --- slots ---------------------------------------------------------------------------------------

int get_buffer(PyObject* object, Py_buffer* out, int flags) {
  return py::answer_buffer_request(object, describe(array_of(object)), out, flags);
}

Py_ssize_t length(PyObject* object) {
  const SharedArray& array = array_of(object);
  if (array.dimensions() != 0) return array.shape()[0];
  PyErr_SetString(PyExc_TypeError, "an array without dimensions has no length");
  return -1;
}

int is_true(PyObject* object) {
  const SharedArray& array = array_of(object);
  return array.dimensions() == 0 || array.shape()[0] != 0 ? 1 : 0;
}

PyObject* iterate(PyObject* object) {
  return length(object) < 0 ? nullptr : PySeqIter_New(object);
}

PyObject* repr(PyObject* object) {
  const SharedArray& array = array_of(object);
  const py::Ref shape = py::Ref::steal(tuple_of(array.shape()));
  return shape ? PyUnicode_FromFormat("<atoll.SharedArray of %s, shape %R%s>", array.type().name,
                                      shape.get(), array.readonly() ? ", read-only" : "")
               : nullptr;
}

// --- methods -------------------------------------------------------------------------------------

PyObject* reshape(PyObject* object, PyObject* const* args, Py_ssize_t nargs) {
  const SharedArray& array = array_of(object);
  Shape shape;
  if (nargs == 1) {
    if (!parse_shape(args[0], true, shape)) return nullptr;
  } else {
    for (Py_ssize_t i = 0; i < nargs; ++i) {
      if (!add_length(args[i], true, shape)) return nullptr;
    }
  }
  if (!infer(shape, array.count())) return nullptr;
  if (!array.is_contiguous()) {
    PyErr_SetString(PyExc_ValueError,
                    "the elements do not lie next to each other: copy them with "
                    "SharedArray.of() first");
    return nullptr;
  }
  Shape strides;
  std::ptrdiff_t stride = array.type().size;
  for (std::size_t i = shape.dimensions; i-- > 0;) {
    strides.lengths[i] = stride;
    stride *= shape.lengths[i] ? shape.lengths[i] : 1;
  }
  strides.dimensions = shape.dimensions;
  return make_shared_array(Py_TYPE(object),
                           array.part(array.data(), shape.extents(), strides.extents(), false))
      .release();
}

PyObject* to_readonly(PyObject* object, PyObject*) {
  const SharedArray& array = array_of(object);
  return make_shared_array(Py_TYPE(object),
                           array.part(array.data(), array.shape(), array.strides(), true))
      .release();
}

PyObject* to_bytes(PyObject* object, PyObject*) {
  const SharedArray& array = array_of(object);
  const auto size = static_cast<Py_ssize_t>(array.bytes());
  py::Ref bytes = py::Ref::steal(PyBytes_FromStringAndSize(nullptr, size));
  if (!bytes) return nullptr;
  const Py_buffer view = describe(array);
  if (size != 0 && PyBuffer_ToContiguous(PyBytes_AS_STRING(bytes.get()), &view, size, 'C') != 0) {
    return nullptr;
  }
  return bytes.release();
}

// --- attributes ----------------------------------------------------------------------------------

PyObject* get_shape(PyObject* object, void*) {
  return tuple_of(array_of(object).shape());
}
PyObject* get_strides(PyObject* object, void*) {
  return tuple_of(array_of(object).strides());
}
PyObject* get_dtype(PyObject* object, void*) {
  return PyUnicode_FromString(array_of(object).type().name);
}
PyObject* get_ndim(PyObject* object, void*) {
  return PyLong_FromSize_t(array_of(object).dimensions());
}
PyObject* get_size(PyObject* object, void*) {
  return PyLong_FromSize_t(array_of(object).count());
}
PyObject* get_itemsize(PyObject* object, void*) {
  return PyLong_FromLong(array_of(object).type().size);
}
PyObject* get_nbytes(PyObject* object, void*) {
  return PyLong_FromSize_t(array_of(object).bytes());
}
PyObject* get_readonly(PyObject* object, void*) {
  return PyBool_FromLong(array_of(object).readonly());
}

PyObject* get_memory(PyObject* object, void*) {
  const SharedArray& array = array_of(object);
  const State* const state = state_of_type(Py_TYPE(object));
  if (!state) return nullptr;
  if (!array.is_contiguous()) {
    PyErr_SetString(PyExc_ValueError, "the elements do not lie next to each other");
    return nullptr;
  }
  const auto offset = static_cast<std::size_t>(array.data() - array.memory()->data());
  return make_shared_buffer(shared_memory_of(*state).shared_buffer_type,
                            array.memory()->slice(offset, array.bytes(), array.readonly()))
      .release();
}

PyObject* get_array_interface(PyObject* object, void*) {
  const SharedArray& array = array_of(object);
  const ElementType& type = array.type();
  constexpr char host_order = std::endian::native == std::endian::little ? '<' : '>';
  const py::Ref shape = py::Ref::steal(tuple_of(array.shape()));
  const py::Ref strides = py::Ref::steal(tuple_of(array.strides()));
  const py::Ref address = py::Ref::steal(PyLong_FromVoidPtr(array.data()));
  const py::Ref code = py::Ref::steal(
      PyUnicode_FromFormat("%c%c%d", type.size == 1 ? '|' : host_order,
                           static_cast<int>(static_cast<char>(type.kind)), int{type.size}));
  if (!shape || !strides || !address || !code) return nullptr;
  return Py_BuildValue("{sOsOsOs(OO)si}", "shape", shape.get(), "typestr", code.get(), "strides",
                       strides.get(), "data", address.get(), array.readonly() ? Py_True : Py_False,
                       "version", 3);
}

PyMethodDef methods[] = {
    {"of", as_method(of), METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
     "of($type, array, /, *, readonly=False)\n--\n\n"
     "Return a SharedArray with a copy of the elements of a NumPy array, an array.array or another\n"
     "object that exports numbers through the buffer protocol."},
    {"reshape", as_method(reshape), METH_FASTCALL,
     "reshape($self, /, *shape)\n--\n\n"
     "Return a SharedArray of another shape on the same memory; one length may be -1."},
    {"toreadonly", to_readonly, METH_NOARGS,
     "toreadonly($self, /)\n--\n\nReturn a read-only SharedArray on the same memory."},
    {"tolist", array_to_list, METH_NOARGS,
     "tolist($self, /)\n--\n\nReturn the elements as lists of lists, one level per dimension."},
    {"tobytes", to_bytes, METH_NOARGS,
     "tobytes($self, /)\n--\n\nReturn a copy of the elements in C order, as bytes."},
    {"__dlpack__", as_method(array_dlpack), METH_FASTCALL | METH_KEYWORDS,
     "__dlpack__($self, /, *, stream=None, max_version=None, dl_device=None, copy=None)\n--\n\n"
     "Return a capsule with the array as a DLPack tensor, for from_dlpack() of array libraries."},
    {"__dlpack_device__", array_dlpack_device, METH_NOARGS,
     "__dlpack_device__($self, /)\n--\n\nReturn (1, 0): the CPU."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef attributes[] = {
    {"shape", get_shape, nullptr, "The lengths of the dimensions.", nullptr},
    {"strides", get_strides, nullptr, "How far apart elements are, per dimension, in bytes.",
     nullptr},
    {"dtype", get_dtype, nullptr, "The name of the element type, such as 'float64'.", nullptr},
    {"ndim", get_ndim, nullptr, "How many dimensions there are.", nullptr},
    {"size", get_size, nullptr, "How many elements there are.", nullptr},
    {"itemsize", get_itemsize, nullptr, "The size of an element in bytes.", nullptr},
    {"nbytes", get_nbytes, nullptr, "The size of all elements in bytes.", nullptr},
    {"readonly", get_readonly, nullptr, "Whether it can be read only.", nullptr},
    {"buffer", get_memory, nullptr,
     "The memory of the elements, as a SharedBuffer. ValueError if there is other memory between "
     "them.",
     nullptr},
    {"__array_interface__", get_array_interface, nullptr, "NumPy's description of the array.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(SharedArrayObject, weakrefs), Py_READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(create)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
    {Py_tp_richcompare, reinterpret_cast<void*>(array_compare)},
    {Py_tp_iter, reinterpret_cast<void*>(iterate)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
    {Py_nb_bool, reinterpret_cast<void*>(is_true)},
    {Py_sq_length, reinterpret_cast<void*>(length)},
    {Py_sq_item, reinterpret_cast<void*>(array_item)},
    {Py_mp_length, reinterpret_cast<void*>(length)},
    {Py_mp_subscript, reinterpret_cast<void*>(array_subscript)},
    {Py_mp_ass_subscript, reinterpret_cast<void*>(array_assign)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {Py_tp_doc,
     const_cast<char*>(
         "SharedArray(shape, dtype='float64', *, buffer=None)\n--\n\n"
         "An array of numbers, at first all 0, that every interpreter sees without a copy.\n\n"
         "shape is an int or a sequence of ints; dtype a name as 'int32', or what NumPy takes for\n"
         "one. It lies in new memory or at the start of a SharedBuffer. Sent to another interpreter\n"
         "it arrives as a SharedArray on the same memory, whatever its size. numpy.asarray() makes\n"
         "a view of it; it has the buffer protocol and DLPack, too. Its own arithmetic is none:\n"
         "elements are read and written by index, parts are SharedArrays on the same memory.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "atoll.SharedArray",
    sizeof(SharedArrayObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    slots,
};

// --- travelling ----------------------------------------------------------------------------------

py::Status encode(PyObject* object, ExtensionValue& out) {
  out.object = Handle<SharedArray>::share(&array_of(object));
  return py::Status::ok;
}

py::Ref decode(PyObject* type, const ExtensionValue& value) {
  auto* const array = dynamic_cast<SharedArray*>(value.object.get());
  if (!array) {
    PyErr_SetString(PyExc_ValueError, "a message carries no array where it says so");
    return {};
  }
  return make_shared_array(reinterpret_cast<PyTypeObject*>(type),
                           Handle<SharedArray>::share(array));
}

}  // namespace

py::Ref make_shared_array(PyTypeObject* type, Handle<SharedArray> array) {
  if (!array) {
    PyErr_NoMemory();
    return {};
  }
  py::Ref object = py::Ref::steal(type->tp_alloc(type, 0));
  if (object) reinterpret_cast<SharedArrayObject*>(object.get())->array = array.detach();
  return object;
}

Py_buffer describe(const SharedArray& array) noexcept {
  Py_buffer view{};
  view.buf = array.data();
  view.len = static_cast<Py_ssize_t>(array.bytes());
  view.itemsize = array.type().size;
  view.readonly = array.readonly() ? 1 : 0;
  view.ndim = static_cast<int>(array.dimensions());
  view.format = const_cast<char*>(array.type().format);
  view.shape = const_cast<Py_ssize_t*>(array.shape().data());
  view.strides = const_cast<Py_ssize_t*>(array.strides().data());
  return view;
}

PyTypeObject* make_shared_array_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

py::Status register_shared_array(const State& state) {
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  transfer::set_extension_home(Tag::array, "atoll._atoll");
  return transfer::register_extension_type(
      *context, reinterpret_cast<PyObject*>(shared_memory_of(state).shared_array_type),
      {Tag::array, true, encode, decode});
}

}  // namespace libatoll::bindings
