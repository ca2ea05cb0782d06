#include "support/travel_by_id.hpp"

#include "support/id_argument.hpp"

namespace libatoll::bindings {

namespace {

py::Ref make_from_number(PyObject* type, const transfer::ExtensionValue& value) {
  return py::Ref::steal(PyObject_CallFunction(type, "L", static_cast<long long>(value.number)));
}

}  // namespace

bool id_of(PyObject* object, const char* kind, std::int64_t& id) {
  const py::Ref attribute = py::Ref::steal(PyObject_GetAttrString(object, "id"));
  return attribute && convert_id(attribute.get(), kind, id);
}

py::Status register_by_id(const State& state, PyObject* type, transfer::Tag tag, bool shareable,
                          const char* home, decltype(transfer::ExtensionType::encode) encode) {
  transfer::Context* const context = state.context();
  if (!context) return py::Status::error;
  transfer::set_extension_home(tag, home);
  return transfer::register_extension_type(*context, type,
                                           {tag, shareable, encode, make_from_number});
}

}  // namespace libatoll::bindings
