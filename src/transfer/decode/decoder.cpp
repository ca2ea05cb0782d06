#include "transfer/decode/decoder.hpp"

#include <cstring>

#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/pickle/pickle.hpp"

namespace libatoll::transfer {

using wire::Op;

Decoder::Decoder(Context& context, const core::Message& message, bool consume)
    : context_(context),
      uses_classes_(context.impl().classes),
      reader_(message.bytes()),
      message_(message),
      scratch_(context.impl().decode_scratch.take()),
      frames_(scratch_->frames),
      memo_(scratch_->memo),
      consume_(consume) {}

Decoder::~Decoder() {
  // Dropping objects may run Python code that decodes: it gets a scratch of its own, this one is
  // not given back yet.
  drop_frames(0);
  for (PyObject* object : memo_) Py_XDECREF(object);
  scratch_->clear();
  context_.impl().decode_scratch.give(std::move(scratch_));
}

PyObject* Decoder::corrupted() noexcept {
  opened_ = false;
  raise_corrupted();
  return nullptr;
}

core::Object* Decoder::attachment(std::size_t index) noexcept {
  if (index < message_.attachment_count()) return message_.attachment(index);
  raise_corrupted();
  return nullptr;
}

py::Ref Decoder::value() {
  return py::Ref::steal(read());
}

void Decoder::keep(std::uint32_t slot, PyObject* object) {
  PyObject*& entry = memo_[slot];
  Py_XSETREF(entry, Py_NewRef(object));
}

PyObject* Decoder::read() {
  const std::uint8_t byte = reader_.byte();
  if (reader_.failed()) return corrupted();
  if (!(byte & wire::memo_flag)) return read_payload(static_cast<Op>(byte), no_slot);
  if (memo_.size() >= no_slot) return corrupted();
  const auto slot = static_cast<std::uint32_t>(memo_.size());
  memo_.push_back(nullptr);
  PyObject* const object = read_payload(static_cast<Op>(byte & ~wire::memo_flag), slot);
  if (object) keep(slot, object);
  return object;
}

PyObject* Decoder::read_payload(Op op, std::uint32_t slot) {
  switch (op) {
    case Op::none:
      return Py_NewRef(Py_None);
    case Op::false_:
      return Py_NewRef(Py_False);
    case Op::true_:
      return Py_NewRef(Py_True);
    case Op::ellipsis:
      return Py_NewRef(Py_Ellipsis);
    case Op::not_implemented:
      return Py_NewRef(Py_NotImplemented);
    case Op::int8:
      return PyLong_FromLong(reader_.raw<std::int8_t>());
    case Op::int32:
      return PyLong_FromLong(reader_.raw<std::int32_t>());
    case Op::int64:
      return PyLong_FromLongLong(reader_.raw<std::int64_t>());
    case Op::big_int:
      return read_big_int();
    case Op::float64:
      return PyFloat_FromDouble(reader_.raw<double>());
    case Op::complex: {
      const double real = reader_.raw<double>();
      const double imag = reader_.raw<double>();
      return PyComplex_FromDoubles(real, imag);
    }
    case Op::str_short:
      return read_ascii(reader_.byte());
    case Op::str_ascii:
      return read_ascii(reader_.size());
    case Op::str1:
      return read_text(reader_.size(), PyUnicode_1BYTE_KIND);
    case Op::str2:
      return read_text(reader_.size(), PyUnicode_2BYTE_KIND);
    case Op::str4:
      return read_text(reader_.size(), PyUnicode_4BYTE_KIND);
    case Op::bytes:
    case Op::bytearray:
      return read_bytes(op);
    case Op::ref8:
      return read_reference(reader_.byte());
    case Op::ref32:
      return read_reference(reader_.raw<std::uint32_t>());
    case Op::tuple:
    case Op::list:
    case Op::dict:
    case Op::set:
    case Op::frozenset:
    case Op::slice:
      return open(op, slot);
    case Op::shape:
      return open_record(read_shape(), slot);
    case Op::record:
      return open_record(read_shape_number(), slot);
    case Op::range:
      return read_range();
    case Op::date:
    case Op::time:
    case Op::datetime:
    case Op::timedelta:
    case Op::utc:
    case Op::timezone:
    case Op::uuid:
    case Op::decimal:
    case Op::path:
      return read_stdlib(op);
    case Op::memory:
      return memory(reader_.size()).release();
    case Op::extension:
      return read_extension();
    case Op::function:
      return read_function();
    case Op::code:
      return read_code();
    case Op::global:
      return read_global();
    case Op::main_global:
      return read_main_global();
    case Op::instance:
      return read_instance(slot);
    case Op::named_tuple:
      return read_named_tuple();
    case Op::member:
      return read_member();
    case Op::registered:
      return read_registered();
    case Op::pickle:
      return read_pickle(*this).release();
    case Op::marshal:
      return read_marshal();
    case Op::split:
    case Op::call:
      break;
  }
  return corrupted();
}

PyObject* Decoder::read_reference(std::size_t number) {
  if (number >= memo_.size() || !memo_[number]) return corrupted();
  return Py_NewRef(memo_[number]);
}

// Values inside other values are read by recursion, which must not be as deep as wrong bytes want.
bool Decoder::next_is(std::initializer_list<Op> allowed) noexcept {
  const auto op = static_cast<Op>(reader_.peek() & ~wire::memo_flag);
  for (const Op each : allowed) {
    if (op == each) return true;
  }
  corrupted();
  return false;
}

bool Decoder::optional_text(py::Ref& text) {
  if (!next_is({Op::none, Op::str_short, Op::str_ascii, Op::str1, Op::str2, Op::str4, Op::ref8,
                Op::ref32})) {
    return false;
  }
  text = py::Ref::steal(read());
  if (!text) return false;
  if (text.get() == Py_None) {
    text.reset();
    return true;
  }
  if (PyUnicode_CheckExact(text.get())) return true;
  corrupted();
  return false;
}

}  // namespace libatoll::transfer
