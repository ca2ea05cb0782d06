#include "transfer/transfer.hpp"

#include <cstring>

#include "core/memory/mapped_block.hpp"
#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/decode/simple.hpp"
#include "transfer/value_or_pickle.hpp"
#include "transfer/wire/writer.hpp"

namespace libatoll::transfer {

using wire::Op;

namespace {

/// Longer ones are the encoder's, which can hand its block over.
constexpr std::size_t largest_flat = 16 * 1024;

/// One text or block of bytes, written where it stays. `Size` is what its length is written as.
template <class Size>
void put_flat(core::Message& out, Op op, Size size, const void* data, std::size_t length) {
  std::byte* to = out.make_room(1 + sizeof size + length);
  *to++ = static_cast<std::byte>(op);
  std::memcpy(to, &size, sizeof size);
  copy_bytes(to + sizeof size, static_cast<const std::byte*>(data), length);
}

void put_flat(core::Message& out, Op op, const void* data, std::size_t length) {
  if (length < 0xFF) return put_flat(out, op, static_cast<std::uint8_t>(length), data, length);
  struct [[gnu::packed]] {
    std::uint8_t mark = 0xFF;
    std::uint64_t value;
  } size;
  size.value = length;
  put_flat(out, op, size, data, length);
}

/// Scalars, and texts and bytes that are not large, the messages of every counter and flag: no
/// encoder, no scratch. Writes what the encoder would write. False: not one of them. Throws
/// std::bad_alloc.
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
    if (!PyUnicode_IS_COMPACT_ASCII(object) || length > largest_flat) return false;
    // Below that, a size is one byte, as the length of a short text is.
    put_flat(out, length < 0xFF ? Op::str_short : Op::str_ascii, PyUnicode_DATA(object), length);
    return true;
  } else if (type == &PyBytes_Type) {
    const auto length = static_cast<std::size_t>(PyBytes_GET_SIZE(object));
    if (length > largest_flat) return false;
    put_flat(out, Op::bytes, PyBytes_AS_STRING(object), length);
    return true;
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
      const auto length = static_cast<std::size_t>(bytes[1]);
      return bytes.size() < 2 + length ? nullptr : make_ascii(bytes.data() + 2, length);
    }
    case Op::bytes: {
      Reader reader(bytes.subspan(1));
      const std::size_t length = reader.count();
      const std::byte* const data = reader.block(length);
      if (data && length >= core::mapped_minimum) return make_large_bytes(Op::bytes, data, length);
      return data ? PyBytes_FromStringAndSize(reinterpret_cast<const char*>(data),
                                              static_cast<Py_ssize_t>(length))
                  : nullptr;
    }
    default:
      return nullptr;
  }
}

py::Ref decode_message(Context& context, const core::Message& message, bool consume) {
  if (PyObject* const small = decode_small(message.bytes())) return py::Ref::steal(small);
  if (PyErr_Occurred()) {
    raise_not_shareable(context, "object could not be unpickled");
    return {};
  }
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
  out.reset();
  try {
    if (encode_small(object, out)) return py::Status::ok;
    Encoder encoder(context, mode);
    if (Py_IS_TYPE(object, &PyUnicode_Type)) {
      encoder.text(object);  // alone it can occur only once
    } else if (py::failed(write_value(encoder, object, {}))) {
      return py::Status::error;
    }
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
  return entry.kind == TypeKind::extension && context.impl().extensions[entry.index].shareable;
}

}  // namespace libatoll::transfer
