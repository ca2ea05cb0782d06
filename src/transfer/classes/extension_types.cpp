#include "transfer/classes/extension_types.hpp"

#include <array>
#include <atomic>

#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/stdlib/std_array.hpp"

namespace libatoll::transfer {
namespace {

constexpr std::size_t tag_count = std::tuple_size_v<decltype(Context::Impl::extensions)>;
std::array<std::atomic<const char*>, tag_count> homes{};

}  // namespace

py::Status register_extension_type(Context& context, PyObject* type, const ExtensionType& traits) {
  Context::Impl& impl = context.impl();
  const auto tag = static_cast<std::uint8_t>(traits.tag);
  if (tag >= tag_count || !PyType_Check(type)) {
    PyErr_SetString(PyExc_SystemError, "bad extension type");
    return py::Status::error;
  }
  try {
    if (PyObject* const former = impl.extension_classes[tag].get()) {
      impl.types.add({reinterpret_cast<PyTypeObject*>(former), TypeKind::unknown, 0});
      // The table compares addresses; the former class keeps its own.
      impl.former_classes.push_back(impl.extension_classes[tag]);
    }
    impl.types.add({reinterpret_cast<PyTypeObject*>(type), TypeKind::extension, tag});
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return py::Status::error;
  }
  impl.extensions[tag] = traits;
  impl.extension_classes[tag] = py::Ref::borrow(type);
  return py::Status::ok;
}

bool describe_extension(Context& context, PyObject* object, Tag& tag, ExtensionValue& out) {
  const TypeEntry entry = context.impl().types.find(Py_TYPE(object));
  if (entry.kind != TypeKind::extension) return false;
  tag = static_cast<Tag>(entry.index);
  return !py::failed(context.impl().extensions[entry.index].encode(object, out));
}

void set_extension_home(Tag tag, const char* module_name) {
  homes[static_cast<std::uint8_t>(tag)].store(module_name, std::memory_order_release);
}

py::Ref restore_extension(Context& context, std::uint8_t tag, const ExtensionValue& value) {
  Context::Impl& impl = context.impl();
  if (tag >= tag_count) {
    raise_corrupted();
    return {};
  }
  if (!impl.extension_classes[tag] && tag == static_cast<std::uint8_t>(Tag::std_array)) {
    if (py::failed(load_std_array(context))) return {};
  } else if (!impl.extension_classes[tag]) {
    const char* const home = homes[tag].load(std::memory_order_acquire);
    if (home && !py::Ref::steal(PyImport_ImportModule(home))) return {};
  }
  const py::Ref type = impl.extension_classes[tag];
  if (!type || !impl.extensions[tag].decode) {
    PyErr_Format(PyExc_TypeError, "no type is registered here for tag %d", tag);
    return {};
  }
  return impl.extensions[tag].decode(type.get(), value);
}

}  // namespace libatoll::transfer
