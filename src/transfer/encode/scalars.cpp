// Numbers, text, bytes and memory: values that hold no others.
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/encode/simple.hpp"
#include "transfer/stdlib/long_bytes.hpp"

namespace libatoll::transfer {

using wire::Op;

Encoder::Step Encoder::put_int(PyObject* object) {
  long long value;
  if (PyUnstable_Long_IsCompact(reinterpret_cast<PyLongObject*>(object))) {
    value = PyUnstable_Long_CompactValue(reinterpret_cast<PyLongObject*>(object));
  } else {
    int overflow = 0;
    value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow) return put_big_int(object);
  }
  writer_.commit(write_int(writer_.room(9), value));
  return Step::done;
}

Encoder::Step Encoder::put_big_int(PyObject* object) {
  if (mode_ == Mode::shareable) {
    // PEP 734: what fits a Py_ssize_t. The OverflowError becomes the cause.
    PyErr_SetString(PyExc_OverflowError, "int too large to be shareable");
    culprit_ = py::Ref::borrow(object);
    return Step::refused;
  }
  const Py_ssize_t length = long_byte_count(context_, object);
  if (length < 0) return Step::error;
  writer_.op(Op::big_int);
  writer_.size(static_cast<std::size_t>(length));
  writer_.reserve(static_cast<std::size_t>(length));
  const std::size_t start = writer_.position();
  writer_.rewind(start + static_cast<std::size_t>(length));
  if (py::failed(long_to_bytes(context_, object, writer_.at(start), length))) return Step::error;
  return Step::done;
}

void Encoder::put_text(PyObject* text) {
  if (text) {
    write_str(text, 0);
  } else {
    writer_.op(Op::none);
  }
}

void Encoder::write_long_str(PyObject* object, std::uint8_t flag) {
  const auto length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(object));
  const int kind = PyUnicode_KIND(object);
  writer_.reserve(length * static_cast<std::size_t>(kind) + 10);
  const Op op = PyUnicode_IS_ASCII(object)     ? Op::str_ascii
                : kind == PyUnicode_1BYTE_KIND ? Op::str1
                : kind == PyUnicode_2BYTE_KIND ? Op::str2
                                               : Op::str4;
  writer_.put_op(op, flag);
  writer_.put_size(length);
  writer_.put_block(PyUnicode_DATA(object), length * static_cast<std::size_t>(kind));
}

Encoder::Step Encoder::put_bytes(PyObject* object) {
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  const auto length = static_cast<std::size_t>(PyBytes_GET_SIZE(object));
  writer_.reserve(length + 10);
  writer_.put_op(Op::bytes, flag);
  writer_.put_size(length);
  writer_.put_block(PyBytes_AS_STRING(object), length);
  return Step::done;
}

Encoder::Step Encoder::put_bytearray(PyObject* object) {
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  const auto length = static_cast<std::size_t>(PyByteArray_GET_SIZE(object));
  writer_.reserve(length + 10);
  writer_.put_op(Op::bytearray, flag);
  writer_.put_size(length);
  writer_.put_block(PyByteArray_AS_STRING(object), length);
  return Step::done;
}

Encoder::Step Encoder::put_range(PyObject* object) {
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  writer_.op(Op::range, flag);
  const Names& names = context_.impl().names;
  for (PyObject* name : {names.start.get(), names.stop.get(), names.step.get()}) {
    const auto part = py::Ref::steal(PyObject_GetAttr(object, name));
    if (!part) return Step::error;
    if (const Step step = put_int(part.get()); step != Step::done) return step;
  }
  return Step::done;
}

Encoder::Step Encoder::put_memory(PyObject* object) {
  const py::Ref kept = py::Ref::borrow(object);
  // Asking an exporter may run Python code (`__buffer__`).
  may_run_python();
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  drain_releases(context_);
  auto memory = BufferExport::create(context_, object);
  if (!memory) {
    culprit_ = py::Ref::borrow(object);
    return mode_ == Mode::shareable ? Step::refused : Step::error;
  }
  const std::size_t index = attach(std::move(memory));
  writer_.op(Op::memory, flag);
  writer_.size(index);
  return Step::done;
}

Encoder::Step Encoder::put_extension(PyObject* object, TypeEntry entry) {
  const py::Ref kept = py::Ref::borrow(object);
  const ExtensionType& traits = context_.impl().extensions[entry.index];
  if (mode_ == Mode::shareable && !traits.shareable) {
    culprit_ = py::Ref::borrow(object);
    return Step::refused;
  }
  may_run_python();
  std::uint8_t flag;
  if (seen(object, flag)) return Step::done;
  ExtensionValue value;
  if (py::failed(traits.encode(object, value))) {
    culprit_ = py::Ref::borrow(object);
    return mode_ == Mode::shareable ? Step::refused : Step::error;
  }
  writer_.op(Op::extension, flag);
  writer_.raw(entry.index);
  writer_.raw(value.number);
  writer_.size(value.object ? attach(std::move(value.object)) + 1 : 0);
  return Step::done;
}

}  // namespace libatoll::transfer
