#include "transfer/transfer.hpp"

#include <cstring>

#include "transfer/context_impl.hpp"
#include "transfer/errors.hpp"
#include "transfer/fallback.hpp"
#include "transfer/writer.hpp"

namespace libatoll::transfer {

using wire::Op;

namespace {

/// Scalars and short texts, the messages of every counter and flag: no encoder, no scratch. Writes
/// what the encoder would write. False: not one of them.
bool encode_small(PyObject* object, core::Message& out) {
  SmallWriter writer;
  PyTypeObject* const type = Py_TYPE(object);
  if (type == &PyLong_Type) {
    auto* const number = reinterpret_cast<PyLongObject*>(object);
    long long value;
    if (PyUnstable_Long_IsCompact(number)) {
      value = PyUnstable_Long_CompactValue(number);
    } else {
      int overflow = 0;
      value = PyLong_AsLongLongAndOverflow(object, &overflow);
      if (overflow) return false;
    }
    writer.put_int(value);
  } else if (type == &PyUnicode_Type) {
    const auto length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(object));
    if (PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND || length > SmallWriter::capacity - 2) {
      return false;
    }
    writer.put_op(Op::str_short);
    writer.put(static_cast<std::uint8_t>(length));
    writer.put_block(PyUnicode_DATA(object), length);
  } else if (object == Py_None) {
    writer.put_op(Op::none);
  } else if (type == &PyFloat_Type) {
    writer.put_op(Op::float64);
    writer.put(PyFloat_AS_DOUBLE(object));
  } else if (type == &PyBool_Type) {
    writer.put_op(object == Py_True ? Op::true_ : Op::false_);
  } else {
    return false;
  }
  out = writer.finish();
  return true;
}

/// The counterpart, for complete messages of these kinds only; null without an error: another kind.
PyObject* decode_small(std::span<const std::byte> bytes) {
  if (bytes.empty()) return nullptr;
  const auto get = [&bytes]<class T>(T value) {
    std::memcpy(&value, bytes.data() + 1, sizeof value);
    return value;
  };
  switch (static_cast<Op>(bytes[0])) {
    case Op::none:
      return Py_NewRef(Py_None);
    case Op::true_:
      return Py_NewRef(Py_True);
    case Op::false_:
      return Py_NewRef(Py_False);
    case Op::int8:
      return bytes.size() < 2 ? nullptr : PyLong_FromLong(get(std::int8_t{}));
    case Op::int32:
      return bytes.size() < 5 ? nullptr : PyLong_FromLong(get(std::int32_t{}));
    case Op::int64:
      return bytes.size() < 9 ? nullptr : PyLong_FromLongLong(get(std::int64_t{}));
    case Op::float64:
      return bytes.size() < 9 ? nullptr : PyFloat_FromDouble(get(double{}));
    case Op::str_short: {
      if (bytes.size() < 2) return nullptr;
      const auto length = static_cast<std::uint8_t>(bytes[1]);
      if (bytes.size() < 2u + length) return nullptr;
      return PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, bytes.data() + 2, length);
    }
    default:
      return nullptr;
  }
}

py::Ref decode_message(Context& context, const core::Message& message, bool consume) {
  if (PyObject* const small = decode_small(message.bytes())) return py::Ref::steal(small);
  if (PyErr_Occurred()) return {};
  py::Ref object;
  try {
    Decoder decoder(context, message, consume);
    object = read_value(decoder);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  if (!object) raise_not_shareable(context, "object could not be unpickled");
  return object;
}

}  // namespace

py::Status encode(Context& context, PyObject* object, Mode mode, core::Message& out) {
  if (encode_small(object, out)) return py::Status::ok;
  out.reset();
  try {
    Encoder encoder(context, mode);
    if (py::failed(write_value(encoder, object, {}))) return py::Status::error;
    out = encoder.finish();
    return py::Status::ok;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return py::Status::error;
  }
}

py::Ref decode(Context& context, const core::Message& message) {
  return decode_message(context, message, false);
}

py::Ref decode(Context& context, core::Message&& message) {
  return decode_message(context, message, true);
}

bool is_shareable(Context& context, PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  if (object == Py_None || type == &PyBool_Type || type == &PyLong_Type || type == &PyFloat_Type ||
      type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyTuple_Type ||
      type == &PyMemoryView_Type) {
    return true;
  }
  const TypeEntry entry = context.impl().types.find(type);
  return entry.kind == Kind::extension && context.impl().extensions[entry.index].shareable;
}

}  // namespace libatoll::transfer
