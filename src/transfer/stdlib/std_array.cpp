#include "transfer/stdlib/std_array.hpp"

#include "core/memory/shared_buffer.hpp"
#include "py/buffer_view.hpp"
#include "transfer/base/errors.hpp"
#include "transfer/classes/extension_types.hpp"
#include "transfer/memory/shared_memory.hpp"

namespace libatoll::transfer {
namespace {

py::Status encode(PyObject* object, ExtensionValue& out) {
  const auto code = py::Ref::steal(PyObject_GetAttrString(object, "typecode"));
  py::BufferView view;
  if (!code || !view.get(object, PyBUF_SIMPLE)) return py::Status::error;
  out.number = PyUnicode_READ_CHAR(code.get(), 0);
  auto memory = core::SharedBuffer::copy_of(view->buf, static_cast<std::size_t>(view->len),
                                            /*readonly=*/true);
  if (!memory) {
    PyErr_NoMemory();
    return py::Status::error;
  }
  out.object = std::move(memory);
  return py::Status::ok;
}

py::Ref decode(PyObject* type, const ExtensionValue& value) {
  auto* const memory = dynamic_cast<core::SharedBuffer*>(value.object.get());
  if (!memory || value.number > 0x7F) {
    raise_corrupted();
    return {};
  }
  py::Ref array = py::Ref::steal(PyObject_CallFunction(type, "C", static_cast<int>(value.number)));
  if (!array || memory->size() == 0) return array;
  const py::Ref bytes = share_bytes(current(), core::Handle<core::SharedBuffer>::share(memory));
  if (!bytes || !py::Ref::steal(PyObject_CallMethod(array.get(), "frombytes", "O", bytes.get()))) {
    return {};
  }
  return array;
}

}  // namespace

py::Status load_std_array(Context& context) {
  const auto module = py::Ref::steal(PyImport_ImportModule("array"));
  const auto type =
      py::Ref::steal(module ? PyObject_GetAttrString(module.get(), "array") : nullptr);
  if (!type) return py::Status::error;
  return register_extension_type(context, type.get(), {Tag::std_array, false, encode, decode});
}

}  // namespace libatoll::transfer
