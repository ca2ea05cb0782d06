#include "memory/dlpack.hpp"

#include <algorithm>
#include <cstdint>
#include <new>

#include "core/memory/shared_array.hpp"
#include "memory/shared_array.hpp"
#include "memory/shared_buffer.hpp"
#include "support/fast_arguments.hpp"

namespace libatoll::bindings {

namespace {

using core::ElementType;
using core::Handle;
using core::SharedArray;

// The layouts are DLPack's ABI, of versions 0 and 1.

constexpr std::int32_t cpu = 1;

struct Tensor {
  void* data;
  std::int32_t device_type;
  std::int32_t device_id;
  std::int32_t dimensions;
  std::uint8_t type_code;
  std::uint8_t bits;
  std::uint16_t lanes;
  std::int64_t* shape;
  std::int64_t* strides;  ///< in elements
  std::uint64_t byte_offset;
};
static_assert(sizeof(Tensor) == 48);

struct Managed {
  static constexpr const char* name = "dltensor";

  Tensor tensor;
  void* context;
  void (*deleter)(Managed*);
};

struct ManagedVersioned {
  static constexpr const char* name = "dltensor_versioned";
  static constexpr std::uint64_t flag_readonly = 1;
  static constexpr std::uint64_t flag_copied = 2;

  std::uint32_t major;
  std::uint32_t minor;
  void* context;
  void (*deleter)(ManagedVersioned*);
  std::uint64_t flags;
  Tensor tensor;
};
static_assert(sizeof(ManagedVersioned) == 80);

std::uint8_t code_of(const ElementType& type) noexcept {
  switch (type.kind) {
    case ElementType::Kind::integer:
      return 0;
    case ElementType::Kind::unsigned_:
      return 1;
    case ElementType::Kind::real:
      return 2;
    case ElementType::Kind::complex:
      return 5;
    case ElementType::Kind::boolean:
      break;
  }
  return 6;
}

/// What the receiver gets a pointer into. It may be deleted by any thread, with or without a GIL.
template <class ManagedTensor>
struct Export {
  explicit Export(Handle<SharedArray> shared) noexcept : array(std::move(shared)) {
    Tensor& tensor = managed.tensor;
    tensor.data = array->data();
    tensor.device_type = cpu;
    tensor.dimensions = static_cast<std::int32_t>(array->dimensions());
    tensor.type_code = code_of(array->type());
    tensor.bits = static_cast<std::uint8_t>(8 * array->type().size);
    tensor.lanes = 1;
    tensor.shape = extents;
    tensor.strides = extents + SharedArray::most_dimensions;
    std::ranges::copy(array->shape(), tensor.shape);
    std::ranges::transform(array->strides(), tensor.strides,
                           [this](std::ptrdiff_t stride) { return stride / array->type().size; });
    managed.context = this;
    managed.deleter = [](ManagedTensor* self) { delete static_cast<Export*>(self->context); };
  }

  ManagedTensor managed{};
  Handle<SharedArray> array;
  std::int64_t extents[2 * SharedArray::most_dimensions]{};
};

/// For a capsule that nobody took the tensor out of: whoever does renames it.
template <class ManagedTensor>
void drop(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, ManagedTensor::name)) return;
  auto* const managed =
      static_cast<ManagedTensor*>(PyCapsule_GetPointer(capsule, ManagedTensor::name));
  managed->deleter(managed);
}

template <class ManagedTensor>
PyObject* wrap(Export<ManagedTensor>* exported) {
  if (!exported) return PyErr_NoMemory();
  PyObject* const capsule =
      PyCapsule_New(&exported->managed, ManagedTensor::name, drop<ManagedTensor>);
  if (!capsule) delete exported;
  return capsule;
}

bool is_given(PyObject* argument) noexcept {
  return argument && argument != Py_None;
}

/// Of a pair of ints; false with a Python error set.
bool parse_pair(PyObject* pair, long& first, long& second) {
  return PyArg_Parse(pair, "(ll)", &first, &second) != 0;
}

constexpr const char* dlpack_names[] = {"stream", "max_version", "dl_device", "copy"};
constexpr Signature dlpack_signature = {"__dlpack__", dlpack_names, 4, 0, 0};

}  // namespace

PyObject* array_dlpack(PyObject* object, PyObject* const* args, Py_ssize_t nargs,
                       PyObject* kwnames) {
  PyObject* given[4];
  if (!parse_fast(dlpack_signature, args, nargs, kwnames, given)) return nullptr;
  const auto [stream, max_version, device, copy] = given;
  if (is_given(stream)) {
    PyErr_SetString(PyExc_BufferError, "there are no streams on the CPU");
    return nullptr;
  }
  long major = 0;
  long minor = 0;
  if (is_given(max_version) && !parse_pair(max_version, major, minor)) return nullptr;
  long device_type = cpu;
  long device_id = 0;
  if (is_given(device) && !parse_pair(device, device_type, device_id)) return nullptr;
  if (device_type != cpu || device_id != 0) {
    PyErr_SetString(PyExc_BufferError, "a SharedArray is on the CPU, which is device (1, 0)");
    return nullptr;
  }
  const int copied = is_given(copy) ? PyObject_IsTrue(copy) : 0;
  if (copied < 0) return nullptr;

  auto array = Handle<SharedArray>::share(&array_of(object));
  if (copied) {
    const auto memory = copy_content(describe(*array), false);
    if (!memory) return nullptr;
    array = SharedArray::contiguous(memory, array->type(), array->shape());
    if (!array) return PyErr_NoMemory();
  }
  if (major == 0) {
    if (array->readonly()) {
      PyErr_SetString(PyExc_BufferError,
                      "this SharedArray is read-only, which DLPack can say from version 1 on");
      return nullptr;
    }
    return wrap(new (std::nothrow) Export<Managed>(std::move(array)));
  }
  auto* const exported = new (std::nothrow) Export<ManagedVersioned>(std::move(array));
  if (exported) {
    exported->managed.major = 1;
    exported->managed.flags = (exported->array->readonly() ? ManagedVersioned::flag_readonly : 0) |
                              (copied ? ManagedVersioned::flag_copied : 0);
  }
  return wrap(exported);
}

PyObject* array_dlpack_device(PyObject*, PyObject*) {
  return Py_BuildValue("(ii)", cpu, 0);
}

}  // namespace libatoll::bindings
