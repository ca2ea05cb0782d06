// Functions, code and what is found by name; objects of the standard library's types.
#include <Python.h>
#include <marshal.h>

#include "transfer/base/errors.hpp"
#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/pickle/in_progress.hpp"
#include "transfer/stdlib/stdlib_types.hpp"

namespace libatoll::transfer {

using wire::Op;

PyObject* Decoder::read_function() {
  auto* const record = attachment_as<CodeRecord>(reader_.size());
  if (!record) return nullptr;
  py::Ref name;
  py::Ref qualname;
  if (!optional_text(name) || !optional_text(qualname)) return nullptr;
  const py::Ref code = code_of(context_, *record);
  if (!code) return nullptr;
  return make_function(context_, code.get(), name.get(), qualname.get()).release();
}

PyObject* Decoder::read_code() {
  auto* const record = attachment_as<CodeRecord>(reader_.size());
  return record ? code_of(context_, *record).release() : nullptr;
}

PyObject* Decoder::read_global() {
  py::Ref names[2];
  for (py::Ref& name : names) {
    if (!next_is({Op::str_short, Op::str_ascii, Op::str1, Op::str2, Op::str4})) return nullptr;
    name = py::Ref::steal(read_key());
    if (!name) return nullptr;
  }
  return resolve_global(context_, names[0].get(), names[1].get()).release();
}

PyObject* Decoder::read_main_global() {
  py::Ref qualname;
  if (!optional_text(qualname)) return nullptr;
  const std::size_t index = reader_.size();
  if (!qualname || reader_.failed()) return corrupted();
  MainSnapshot* snapshot = nullptr;
  if (index > 0) {
    snapshot = attachment_as<MainSnapshot>(index - 1);
    if (!snapshot) return nullptr;
  } else if (Installation* const installation = InProgress<Installation>::current()) {
    snapshot = &installation->snapshot;
  } else {
    return corrupted();
  }
  return context_.impl().mains.resolve(context_, *snapshot, qualname.get()).release();
}

PyObject* Decoder::read_marshal() {
#ifdef ATOLL_FUZZING
  return corrupted();
#endif
  const std::size_t length = reader_.count();
  const std::byte* const data = reader_.block(length);
  if (!data) return corrupted();
  return PyMarshal_ReadObjectFromString(reinterpret_cast<const char*>(data),
                                        static_cast<Py_ssize_t>(length));
}

PyObject* Decoder::read_timezone() {
  PyDateTime_CAPI* const api = datetime_api(context_);
  if (!api) return nullptr;
  const int days = reader_.raw<std::int32_t>();
  const int seconds = reader_.raw<std::int32_t>();
  const int microseconds = reader_.raw<std::int32_t>();
  py::Ref name;
  if (!optional_text(name)) return nullptr;
  const auto offset =
      py::Ref::steal(api->Delta_FromDelta(days, seconds, microseconds, 1, api->DeltaType));
  return offset ? api->TimeZone_FromTimeZone(offset.get(), name.get()) : nullptr;
}

PyObject* Decoder::read_stdlib(Op op) {
  if (op == Op::uuid) {
    const std::byte* const bytes = reader_.block(16);
    const auto is_safe = reader_.raw<std::int8_t>();
    if (!bytes || reader_.failed()) return corrupted();
    return make_uuid(context_, bytes, is_safe).release();
  }
  if (op == Op::decimal || op == Op::path) {
    const std::uint8_t which = op == Op::path ? reader_.byte() : 0;
    py::Ref text;
    if (!optional_text(text)) return nullptr;
    StdlibTypes& types = context_.impl().stdlib_types;
    if (!text || which >= types.path_types.size()) return corrupted();
    if (py::failed(op == Op::path ? load_paths(context_) : load_decimal(context_))) return nullptr;
    PyObject* const type =
        op == Op::path ? types.path_types[which].get() : types.decimal_type.get();
    return PyObject_CallOneArg(type, text.get());
  }
  if (op == Op::timezone) return read_timezone();

  PyDateTime_CAPI* const api = datetime_api(context_);
  if (!api) return nullptr;
  switch (op) {
    case Op::utc:
      return Py_NewRef(api->TimeZone_UTC);
    case Op::date: {
      const int year = reader_.raw<std::uint16_t>();
      const int month = reader_.byte();
      const int day = reader_.byte();
      return api->Date_FromDate(year, month, day, api->DateType);
    }
    case Op::timedelta: {
      const int days = reader_.raw<std::int32_t>();
      const int seconds = reader_.raw<std::int32_t>();
      const int microseconds = reader_.raw<std::int32_t>();
      return api->Delta_FromDelta(days, seconds, microseconds, 1, api->DeltaType);
    }
    default:
      break;
  }
  int year = 0;
  int month = 0;
  int day = 0;
  if (op == Op::datetime) {
    year = reader_.raw<std::uint16_t>();
    month = reader_.byte();
    day = reader_.byte();
  }
  const int hour = reader_.byte();
  const int minute = reader_.byte();
  const int second = reader_.byte();
  const auto microsecond = static_cast<int>(reader_.raw<std::uint32_t>());
  const int fold = reader_.byte();
  if (!next_is({Op::none, Op::utc, Op::timezone, Op::ref8, Op::ref32})) return nullptr;
  const auto zone = py::Ref::steal(read());
  if (!zone) return nullptr;
  if (zone.get() != Py_None && !PyObject_TypeCheck(zone.get(), api->TZInfoType)) return corrupted();
  if (fold > 1) return corrupted();
  if (op == Op::time) {
    return api->Time_FromTimeAndFold(hour, minute, second, microsecond, zone.get(), fold,
                                     api->TimeType);
  }
  return api->DateTime_FromDateAndTimeAndFold(year, month, day, hour, minute, second, microsecond,
                                              zone.get(), fold, api->DateTimeType);
}

}  // namespace libatoll::transfer
