// The commonest kinds of items, for inlining where items are written.
#pragma once

#include <cstring>

#include "transfer/encode/encoder.hpp"

namespace libatoll::transfer {

inline void Encoder::write_str(PyObject* object, std::uint8_t flag) {
  const auto length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(object));
  if (!PyUnicode_IS_COMPACT_ASCII(object) || length > 0xFF) return write_long_str(object, flag);
  std::byte* const to = writer_.room(length + 2);
  to[0] =
      std::byte{static_cast<std::uint8_t>(static_cast<std::uint8_t>(wire::Op::str_short) | flag)};
  to[1] = static_cast<std::byte>(length);
  copy_bytes(to + 2, static_cast<const std::byte*>(PyUnicode_DATA(object)), length);
  writer_.commit(to + 2 + length);
}

inline void Encoder::put_str(PyObject* object) {
  std::uint8_t flag = 0;
  // The empty and the one-character texts are shared by CPython itself.
  if (PyUnicode_GET_LENGTH(object) > 1 || PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND) {
    if (seen(object, flag)) return;
  }
  write_str(object, flag);
}

inline bool Encoder::put_simple(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  if (type == &PyUnicode_Type) {
    put_str(object);
    return true;
  }
  if (type == &PyLong_Type) {
    auto* const number = reinterpret_cast<PyLongObject*>(object);
    if (!PyUnstable_Long_IsCompact(number)) return false;
    writer_.commit(write_int(writer_.room(9), PyUnstable_Long_CompactValue(number)));
    return true;
  }
  if (type == &PyFloat_Type) {
    std::byte* const to = writer_.room(9);
    const double value = PyFloat_AS_DOUBLE(object);
    *to = std::byte{static_cast<std::uint8_t>(wire::Op::float64)};
    std::memcpy(to + 1, &value, sizeof value);
    writer_.commit(to + 9);
    return true;
  }
  if (object == Py_None) {
    writer_.op(wire::Op::none);
    return true;
  }
  if (type == &PyBool_Type) {
    writer_.op(object == Py_True ? wire::Op::true_ : wire::Op::false_);
    return true;
  }
  return false;
}

}  // namespace libatoll::transfer
