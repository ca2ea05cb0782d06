#include "transfer/main/names.hpp"

#include "transfer/code/record.hpp"

namespace libatoll::transfer {

py::Status add_names_read(Context& context, PyObject* code, PyObject* names) {
  const std::shared_ptr<const CodeFacts> facts = facts_of(context, code);
  if (!facts) return py::Status::error;
  auto* const object = reinterpret_cast<PyCodeObject*>(code);
  for (const std::uint32_t index : facts->global_names) {
    if (index >= static_cast<std::size_t>(PyTuple_GET_SIZE(object->co_names))) continue;
    if (PySet_Add(names, PyTuple_GET_ITEM(object->co_names, index)) < 0) return py::Status::error;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object->co_consts); ++i) {
    PyObject* const inner = PyTuple_GET_ITEM(object->co_consts, i);
    if (PyCode_Check(inner) && py::failed(add_names_read(context, inner, names))) {
      return py::Status::error;
    }
  }
  return py::Status::ok;
}

}  // namespace libatoll::transfer
