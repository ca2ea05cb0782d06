#include "transfer/stdlib/stdlib_types.hpp"

#include <cstring>
#include <string_view>

#include "transfer/context/impl.hpp"
#include "transfer/stdlib/long_bytes.hpp"
#include "transfer/stdlib/python_datetime.hpp"
#include "transfer/stdlib/std_array.hpp"

namespace libatoll::transfer {
namespace {

constexpr const char* path_class_names[] = {"PosixPath", "PurePosixPath", "WindowsPath",
                                            "PureWindowsPath"};

py::Ref import_from(const char* module_name, const char* name) {
  const auto module = py::Ref::steal(PyImport_ImportModule(module_name));
  return module ? py::Ref::steal(PyObject_GetAttrString(module.get(), name)) : py::Ref();
}

bool imported(const char* module_name) {
  const bool found = PyDict_GetItemString(PyImport_GetModuleDict(), module_name) != nullptr;
  return found;
}

void add(Context& context, PyObject* type, TypeKind kind, std::uint8_t index = 0) {
  context.impl().types.add({reinterpret_cast<PyTypeObject*>(type), kind, index});
}

}  // namespace

TypeEntry classify(Context& context, PyTypeObject* type) {
  // The name is only a hint where to look; the type table has the types themselves.
  const std::string_view name = type->tp_name;
  py::Status status = py::Status::ok;
  if (name.starts_with("datetime.")) {
    if (context.impl().stdlib_types.datetime || !imported("datetime")) return {};
    status = datetime_api(context) ? py::Status::ok : py::Status::error;
  } else if (name == "UUID") {
    if (context.impl().stdlib_types.uuid_type || !imported("uuid")) return {};
    status = load_uuid(context);
  } else if (name == "decimal.Decimal" || name == "Decimal") {
    if (context.impl().stdlib_types.decimal_type || !imported("decimal")) return {};
    status = load_decimal(context);
  } else if (name.ends_with("Path")) {
    if (context.impl().stdlib_types.path_types[0] || !imported("pathlib")) return {};
    status = load_paths(context);
  } else if (name == "array.array") {
    if (!imported("array")) return {};
    status = load_std_array(context);
  } else {
    return {};
  }
  if (py::failed(status)) PyErr_Clear();
  return context.impl().types.find(type);
}

PyDateTime_CAPI* datetime_api(Context& context) {
  StdlibTypes& types = context.impl().stdlib_types;
  if (types.datetime) return types.datetime;
  auto* api = static_cast<PyDateTime_CAPI*>(PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0));
#if ATOLL_DATETIME_MAY_BE_PYTHON
  if (!api) return types.datetime = python_datetime_api(types.python_datetime);
#endif
  if (!api) return nullptr;
  // Keeps the types alive that the type table refers to.
  types.datetime_module.set_once(py::Ref::steal(PyImport_ImportModule("datetime")));
  if (!types.datetime_module) return nullptr;
  types.datetime = api;
  add(context, reinterpret_cast<PyObject*>(api->DateType), TypeKind::date);
  add(context, reinterpret_cast<PyObject*>(api->TimeType), TypeKind::time);
  add(context, reinterpret_cast<PyObject*>(api->DateTimeType), TypeKind::datetime);
  add(context, reinterpret_cast<PyObject*>(api->DeltaType), TypeKind::timedelta);
  add(context, reinterpret_cast<PyObject*>(Py_TYPE(api->TimeZone_UTC)), TypeKind::timezone);
  return api;
}

py::Status load_uuid(Context& context) {
  StdlibTypes& types = context.impl().stdlib_types;
  if (types.uuid_type) return py::Status::ok;
  py::Ref type = import_from("uuid", "UUID");
  py::Ref safe = type ? import_from("uuid", "SafeUUID") : py::Ref();
  py::Ref unknown =
      safe ? py::Ref::steal(PyObject_GetAttrString(safe.get(), "unknown")) : py::Ref();
  if (!unknown) return py::Status::error;
  if (types.uuid_type) return py::Status::ok;  // while it was imported
  add(context, type.get(), TypeKind::uuid);
  types.safe_uuid_type = std::move(safe);
  types.safe_uuid_unknown = std::move(unknown);
  types.uuid_type = std::move(type);
  return py::Status::ok;
}

py::Status load_decimal(Context& context) {
  StdlibTypes& types = context.impl().stdlib_types;
  if (types.decimal_type) return py::Status::ok;
  py::Ref type = import_from("decimal", "Decimal");
  if (!type) return py::Status::error;
  if (types.decimal_type) return py::Status::ok;
  add(context, type.get(), TypeKind::decimal);
  types.decimal_type = std::move(type);
  return py::Status::ok;
}

py::Status load_paths(Context& context) {
  StdlibTypes& stdlib = context.impl().stdlib_types;
  if (stdlib.path_types[0]) return py::Status::ok;
  std::array<py::Ref, 4> types;
  for (std::size_t i = 0; i < types.size(); ++i) {
    types[i] = import_from("pathlib", path_class_names[i]);
    if (!types[i]) return py::Status::error;
  }
  if (stdlib.path_types[0]) return py::Status::ok;
  for (std::size_t i = 0; i < types.size(); ++i) {
    add(context, types[i].get(), TypeKind::path, static_cast<std::uint8_t>(i));
  }
  stdlib.path_types = std::move(types);
  return py::Status::ok;
}

// Fills the slots that UUID.__init__ would fill, without its checks of a dozen spellings (it takes
// microseconds). UUID forbids assignment in __setattr__; the generic setter does not ask it.
py::Ref make_uuid(Context& context, const std::byte* bytes, std::int8_t is_safe) {
  if (py::failed(load_uuid(context))) return {};
  Context::Impl& impl = context.impl();
  std::byte wide[17];
  std::memcpy(wide, bytes, 16);
  wide[16] = std::byte{0};  // the sign
  const py::Ref number = long_from_bytes(context, wide, sizeof wide);
  if (!number) return {};
  py::Ref safe = impl.stdlib_types.safe_uuid_unknown;
  if (is_safe != 1) {
    const auto value = py::Ref::steal(PyLong_FromLong(is_safe));
    if (!value) return {};
    safe = py::Ref::steal(PyObject_CallOneArg(impl.stdlib_types.safe_uuid_type.get(), value.get()));
    if (!safe) return {};
  }
  auto* const type = reinterpret_cast<PyTypeObject*>(impl.stdlib_types.uuid_type.get());
  auto uuid = py::Ref::steal(type->tp_alloc(type, 0));
  if (!uuid) return {};
  if (PyObject_GenericSetAttr(uuid.get(), impl.names.int_.get(), number.get()) < 0 ||
      PyObject_GenericSetAttr(uuid.get(), impl.names.is_safe.get(), safe.get()) < 0) {
    return {};
  }
  return uuid;
}

}  // namespace libatoll::transfer
