// Objects of the standard library's types.
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/stdlib/long_bytes.hpp"
#include "transfer/stdlib/stdlib_types.hpp"

namespace libatoll::transfer {

using wire::Op;

Encoder::Step Encoder::put_stdlib(PyObject* object, TypeEntry entry) {
  if (entry.kind == TypeKind::timezone) return put_timezone(object);
  py::Ref kept;
  if (entry.kind == TypeKind::path || entry.kind == TypeKind::decimal) {
    may_run_python();
    kept = py::Ref::borrow(object);
  }
  if (entry.kind == TypeKind::datetime || entry.kind == TypeKind::time) {
    // A tzinfo of any other class needs pickle, and so the whole root does.
    PyObject* const zone = entry.kind == TypeKind::datetime ? PyDateTime_DATE_GET_TZINFO(object)
                                                            : PyDateTime_TIME_GET_TZINFO(object);
    if (zone != Py_None && context_.impl().types.find(Py_TYPE(zone)).kind != TypeKind::timezone) {
      culprit_ = py::Ref::borrow(zone);
      return Step::refused;
    }
  }
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  writer_.reserve(32);
  switch (entry.kind) {
    case TypeKind::date:
      writer_.put_op(Op::date, flag);
      writer_.put(static_cast<std::uint16_t>(PyDateTime_GET_YEAR(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_GET_MONTH(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_GET_DAY(object)));
      return Step::done;
    case TypeKind::time:
      writer_.put_op(Op::time, flag);
      writer_.put(static_cast<std::uint8_t>(PyDateTime_TIME_GET_HOUR(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_TIME_GET_MINUTE(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_TIME_GET_SECOND(object)));
      writer_.put(static_cast<std::uint32_t>(PyDateTime_TIME_GET_MICROSECOND(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_TIME_GET_FOLD(object)));
      return put_tz(PyDateTime_TIME_GET_TZINFO(object));
    case TypeKind::datetime:
      writer_.put_op(Op::datetime, flag);
      writer_.put(static_cast<std::uint16_t>(PyDateTime_GET_YEAR(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_GET_MONTH(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_GET_DAY(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_DATE_GET_HOUR(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_DATE_GET_MINUTE(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_DATE_GET_SECOND(object)));
      writer_.put(static_cast<std::uint32_t>(PyDateTime_DATE_GET_MICROSECOND(object)));
      writer_.put(static_cast<std::uint8_t>(PyDateTime_DATE_GET_FOLD(object)));
      return put_tz(PyDateTime_DATE_GET_TZINFO(object));
    case TypeKind::timedelta:
      writer_.put_op(Op::timedelta, flag);
      writer_.put(static_cast<std::int32_t>(PyDateTime_DELTA_GET_DAYS(object)));
      writer_.put(static_cast<std::int32_t>(PyDateTime_DELTA_GET_SECONDS(object)));
      writer_.put(static_cast<std::int32_t>(PyDateTime_DELTA_GET_MICROSECONDS(object)));
      return Step::done;
    case TypeKind::uuid:
      writer_.put_op(Op::uuid, flag);
      return put_uuid(object);
    case TypeKind::decimal: {
      const auto text = py::Ref::steal(PyObject_Str(object));
      if (!text) return Step::error;
      writer_.put_op(Op::decimal, flag);
      put_text(text.get());
      return Step::done;
    }
    case TypeKind::path: {
      const auto text = py::Ref::steal(PyOS_FSPath(object));
      if (!text) return Step::error;
      if (!PyUnicode_CheckExact(text.get())) {
        PyErr_SetString(PyExc_TypeError, "a path must be text");
        return Step::error;
      }
      writer_.op(Op::path, flag);
      writer_.raw(entry.index);
      put_text(text.get());
      return Step::done;
    }
    default:
      break;
  }
  PyErr_SetString(PyExc_SystemError, "unknown kind of type");
  return Step::error;
}

Encoder::Step Encoder::put_tz(PyObject* zone) {
  if (zone == Py_None) {
    writer_.op(Op::none);
    return Step::done;
  }
  return put_timezone(zone);
}

Encoder::Step Encoder::put_timezone(PyObject* zone) {
  if (zone == context_.impl().stdlib_types.datetime->TimeZone_UTC) {
    writer_.op(Op::utc);
    return Step::done;
  }
  std::uint8_t flag;
  if (noted(zone, flag)) return Step::done;
  const auto args =
      py::Ref::steal(PyObject_CallMethodNoArgs(zone, context_.impl().names.getinitargs.get()));
  if (!args) return Step::error;
  PyObject* const offset = PyTuple_GET_ITEM(args.get(), 0);
  writer_.op(Op::timezone, flag);
  writer_.raw(static_cast<std::int32_t>(PyDateTime_DELTA_GET_DAYS(offset)));
  writer_.raw(static_cast<std::int32_t>(PyDateTime_DELTA_GET_SECONDS(offset)));
  writer_.raw(static_cast<std::int32_t>(PyDateTime_DELTA_GET_MICROSECONDS(offset)));
  PyObject* const name =
      PyTuple_GET_SIZE(args.get()) > 1 ? PyTuple_GET_ITEM(args.get(), 1) : nullptr;
  put_text(name);
  return Step::done;
}

Encoder::Step Encoder::put_uuid(PyObject* object) {
  const Names& names = context_.impl().names;
  const auto number = py::Ref::steal(PyObject_GetAttr(object, names.int_.get()));
  const auto safe = py::Ref::steal(PyObject_GetAttr(object, names.is_safe.get()));
  if (!number || !safe) return Step::error;
  std::byte bytes[17];
  if (!PyLong_CheckExact(number.get()) ||
      py::failed(long_to_bytes(context_, number.get(), bytes, sizeof bytes))) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a UUID without its number");
    return Step::error;
  }
  std::int8_t is_safe = 1;  // not a value of SafeUUID's members other than "unknown"
  if (safe.get() != context_.impl().stdlib_types.safe_uuid_unknown.get()) {
    const auto value = py::Ref::steal(PyObject_GetAttr(safe.get(), names.value.get()));
    if (!value) return Step::error;
    is_safe = static_cast<std::int8_t>(PyLong_AsLong(value.get()));
    if (is_safe == -1 && PyErr_Occurred()) return Step::error;
  }
  writer_.block(bytes, 16);
  writer_.raw(is_safe);
  return Step::done;
}

}  // namespace libatoll::transfer
