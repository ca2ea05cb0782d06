// The commonest kinds of items, for inlining where items are read.
#pragma once

#include <cstring>

#include "transfer/base/errors.hpp"
#include "transfer/decode/decoder.hpp"

namespace libatoll::transfer {

/// Copies text; false if it is not ASCII.
inline bool copy_ascii(std::byte* to, const std::byte* from, std::size_t length) noexcept {
  constexpr std::uint64_t high = 0x8080808080808080u;
  if (length < sizeof high) {
    std::byte all{0};
    for (std::size_t i = 0; i < length; ++i) all |= to[i] = from[i];
    return (all & std::byte{0x80}) == std::byte{0};
  }
  std::uint64_t all = 0;
  const auto word = [&](std::size_t at) {
    std::uint64_t bytes;
    std::memcpy(&bytes, from + at, sizeof bytes);
    std::memcpy(to + at, &bytes, sizeof bytes);
    all |= bytes;
  };
  for (std::size_t at = 0; at + sizeof high < length; at += sizeof high) word(at);
  word(length - sizeof high);
  return (all & high) == 0;
}

/// `length` bytes of ASCII text as a str; null with a Python error set.
inline PyObject* make_ascii(const std::byte* data, std::size_t length) noexcept {
  // CPython has the shortest ones ready.
  if (length < 2)
    return PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, data, static_cast<Py_ssize_t>(length));
  PyObject* const text = PyUnicode_New(static_cast<Py_ssize_t>(length), 0x7F);
  if (!text) return nullptr;
  if (copy_ascii(reinterpret_cast<std::byte*>(PyUnicode_1BYTE_DATA(text)), data, length))
    return text;
  Py_DECREF(text);
  raise_corrupted();
  return nullptr;
}

/// bytes or a bytearray from core::mapped_minimum bytes on: these lie in fresh memory, whose page
/// faults would take longer than the copy.
PyObject* make_large_bytes(wire::Op op, const std::byte* data, std::size_t length) noexcept;

// read() for items of containers, with the commonest kinds at hand. The last few bytes of a message
// are left to read(), so that one check serves all.
inline PyObject* Decoder::read_item() {
  const std::byte* const data = reader_.cursor();
  if (reader_.left() < 9) return read();
  switch (static_cast<wire::Op>(data[0])) {
    case wire::Op::int8: {
      reader_.skip(2);
      return PyLong_FromLong(static_cast<std::int8_t>(data[1]));
    }
    case wire::Op::int32: {
      reader_.skip(5);
      std::int32_t value;
      std::memcpy(&value, data + 1, sizeof value);
      return PyLong_FromLong(value);
    }
    case wire::Op::float64: {
      reader_.skip(9);
      double value;
      std::memcpy(&value, data + 1, sizeof value);
      return PyFloat_FromDouble(value);
    }
    case wire::Op::str_short: {
      const auto length = static_cast<std::size_t>(data[1]);
      if (reader_.left() < length + 2) return corrupted();
      reader_.skip(length + 2);
      return make_ascii(data + 2, length);
    }
    case wire::Op::none:
      reader_.skip(1);
      return Py_NewRef(Py_None);
    case wire::Op::true_:
      reader_.skip(1);
      return Py_NewRef(Py_True);
    case wire::Op::false_:
      reader_.skip(1);
      return Py_NewRef(Py_False);
    case wire::Op::record:
      reader_.skip(1);
      return open_record(read_shape_number(), no_slot);
    default:
      return read();
  }
}

}  // namespace libatoll::transfer
