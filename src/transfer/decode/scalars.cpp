// Numbers, text, ranges and memory.
#include <cstring>

#include "core/memory/mapped_block.hpp"
#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/decode/simple.hpp"
#include "transfer/memory/shared_memory.hpp"
#include "transfer/stdlib/long_bytes.hpp"

namespace libatoll::transfer {

using wire::Op;

namespace {

/// The smallest `maxchar` class that holds all characters: CPython's texts must be of that kind.
template <class Char>
Py_UCS4 highest(const Char* text, std::size_t length) noexcept {
  Py_UCS4 all = 0;
  for (std::size_t i = 0; i < length; ++i) all = text[i] > all ? text[i] : all;
  return all;
}

}  // namespace

PyObject* Decoder::read_text(std::size_t length, int kind) {
  const auto width = static_cast<std::size_t>(kind);
  if (length > reader_.left() / width) {
    reader_.fail();
    return corrupted();
  }
  const std::byte* const data = reader_.block(length * width);
  if (!data) return corrupted();
  const auto size = static_cast<Py_ssize_t>(length);
  // Finds out whether all is ASCII, and has the short texts ready.
  if (kind == PyUnicode_1BYTE_KIND) return PyUnicode_FromKindAndData(kind, data, size);
  PyObject* const text =
      PyUnicode_New(size, kind == PyUnicode_2BYTE_KIND ? Py_UCS4{0xFFFF} : Py_UCS4{0x10FFFF});
  if (!text || length == 0) return text;
  std::memcpy(PyUnicode_DATA(text), data, length * width);
  const bool right = kind == PyUnicode_2BYTE_KIND
                         ? highest(PyUnicode_2BYTE_DATA(text), length) > 0xFF
                         : (highest(PyUnicode_4BYTE_DATA(text), length) > 0xFFFF &&
                            highest(PyUnicode_4BYTE_DATA(text), length) <= 0x10FFFF);
  if (right) return text;
  Py_DECREF(text);
  return corrupted();
}

PyObject* Decoder::read_ascii(std::size_t length) {
  const std::byte* const data = reader_.block(length);
  return data ? make_ascii(data, length) : corrupted();
}

PyObject* make_large_bytes(Op op, const std::byte* data, std::size_t length) noexcept {
  const auto size = static_cast<Py_ssize_t>(length);
  const bool fixed = op == Op::bytes;
  PyObject* const object = fixed ? PyBytes_FromStringAndSize(nullptr, size)
                                 : PyByteArray_FromStringAndSize(nullptr, size);
  if (!object) return nullptr;
  char* const target = fixed ? PyBytes_AS_STRING(object) : PyByteArray_AS_STRING(object);
  core::advise_huge_pages(target, length);
  std::memcpy(target, data, length);
  return object;
}

PyObject* Decoder::read_bytes(Op op) {
  const std::size_t length = reader_.count();
  const std::byte* const data = reader_.block(length);
  if (!data) return corrupted();
  if (length >= core::mapped_minimum) return make_large_bytes(op, data, length);
  const auto* const source = reinterpret_cast<const char*>(data);
  const auto size = static_cast<Py_ssize_t>(length);
  return op == Op::bytes ? PyBytes_FromStringAndSize(source, size)
                         : PyByteArray_FromStringAndSize(source, size);
}

// Records repeat their keys from message to message.
PyObject* Decoder::read_key() {
  const std::uint8_t byte = reader_.peek();
  if ((byte & ~wire::memo_flag) != static_cast<std::uint8_t>(Op::str_short)) return read();
  (void)reader_.byte();
  const std::size_t length = reader_.byte();
  const std::byte* const data = reader_.block(length);
  if (!data) return corrupted();
  PyObject* const key =
      length <= KeyCache::longest
          ? context_.impl().keys.get(reinterpret_cast<const char*>(data), length)
          : PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, data, static_cast<Py_ssize_t>(length));
  if (key && byte & wire::memo_flag) memo_.push_back(Py_NewRef(key));
  return key;
}

PyObject* Decoder::read_big_int() {
  const std::size_t length = reader_.count();
  const std::byte* const data = reader_.block(length);
  if (!data) return corrupted();
  return long_from_bytes(context_, data, static_cast<Py_ssize_t>(length)).release();
}

PyObject* Decoder::read_range() {
  py::Ref parts[3];
  for (py::Ref& part : parts) {
    if (!next_is({Op::int8, Op::int32, Op::int64, Op::big_int})) return nullptr;
    part = py::Ref::steal(read());
    if (!part) return nullptr;
  }
  return PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PyRange_Type), parts[0].get(),
                                      parts[1].get(), parts[2].get(), nullptr);
}

py::Ref Decoder::memory(std::size_t index) {
  auto* const memory = attachment_as<BufferExport>(index);
  if (!memory) return {};
  const auto exporter = share_export(context_, core::Handle<BufferExport>::share(memory));
  return exporter ? py::Ref::steal(PyMemoryView_FromObject(exporter.get())) : py::Ref();
}

PyObject* Decoder::read_extension() {
  const std::uint8_t tag = reader_.byte();
  ExtensionValue value;
  value.number = reader_.raw<std::uint64_t>();
  const std::size_t index = reader_.size();
  if (reader_.failed()) return corrupted();
  if (index > 0) {
    core::Object* const object = attachment(index - 1);
    if (!object) return nullptr;
    value.object = core::Handle<core::Object>::share(object);
  }
  return restore_extension(context_, tag, value).release();
}

}  // namespace libatoll::transfer
