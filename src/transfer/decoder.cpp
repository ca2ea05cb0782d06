#include "transfer/decoder.hpp"

#include <cstring>

#include "transfer/context_impl.hpp"
#include "transfer/errors.hpp"
#include "transfer/pickle.hpp"

namespace libatoll::transfer {

using wire::Op;

Decoder::Decoder(Context& context, const core::Message& message, bool consume)
    : context_(context),
      reader_(message.bytes()),
      message_(message),
      scratch_(context.impl().decode_scratch.take()),
      frames_(scratch_->frames),
      memo_(scratch_->memo),
      consume_(consume) {}

Decoder::~Decoder() {
  // Dropping objects may run Python code that decodes: it gets a scratch of its own, this one is
  // not given back yet.
  while (!frames_.empty()) {
    const DecodeFrame frame = frames_.back();
    frames_.pop_back();
    Py_XDECREF(frame.key);
    Py_DECREF(frame.object);
  }
  for (PyObject* object : memo_) Py_XDECREF(object);
  memo_.clear();
  for (const DecodeShape& shape : scratch_->shapes) Py_DECREF(shape.model);
  scratch_->shapes.clear();
  scratch_->keys.clear();
  if (memo_.capacity() > std::size_t{1} << 14) memo_.shrink_to_fit();
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
  // Values nest (an argument list reads several; a timezone stands inside a datetime), so this one
  // ends where the frames are as many as at its start.
  const std::size_t floor = frames_.size();
  opened_ = false;
  if (PyObject* const simple = read()) return py::Ref::steal(simple);
  if (!opened_) return {};
  for (;;) {
    DecodeFrame& frame = frames_.back();
    opened_ = false;
    if (!fill(frame)) {
      if (!opened_) return {};
      continue;
    }
    const DecodeFrame done = frames_.back();
    frames_.pop_back();
    if (done.kind == DecodeFrame::Kind::frozenset && done.slot != no_slot) {
      keep(done.slot, done.object);
    }
    if (frames_.size() == floor) return py::Ref::steal(done.object);
    if (!accept(frames_.back(), done.object)) return {};
  }
}

// read() for items of containers, with the commonest kinds at hand. The last few bytes of a message
// are left to read(), so that one check serves all.
inline PyObject* Decoder::read_item() {
  const std::byte* const data = reader_.cursor();
  if (reader_.left() < 9) return read();
  switch (static_cast<Op>(data[0])) {
    case Op::int8: {
      reader_.skip(2);
      return PyLong_FromLong(static_cast<std::int8_t>(data[1]));
    }
    case Op::int32: {
      reader_.skip(5);
      std::int32_t value;
      std::memcpy(&value, data + 1, sizeof value);
      return PyLong_FromLong(value);
    }
    case Op::float64: {
      reader_.skip(9);
      double value;
      std::memcpy(&value, data + 1, sizeof value);
      return PyFloat_FromDouble(value);
    }
    case Op::str_short: {
      const auto length = static_cast<std::size_t>(data[1]);
      if (reader_.left() < length + 2) return corrupted();
      reader_.skip(length + 2);
      return PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, data + 2,
                                       static_cast<Py_ssize_t>(length));
    }
    case Op::none:
      reader_.skip(1);
      return Py_NewRef(Py_None);
    case Op::true_:
      reader_.skip(1);
      return Py_NewRef(Py_True);
    case Op::false_:
      reader_.skip(1);
      return Py_NewRef(Py_False);
    default:
      return read();
  }
}

// Reads items until the container is complete (true) or one of them has to be filled first (false,
// with `opened_`) or is wrong (false). An item that has to be filled pushes a frame: `frame` is
// then no longer valid.
bool Decoder::fill(DecodeFrame& frame) {
  PyObject* item;
  PyObject* const object = frame.object;
  switch (frame.kind) {
    case DecodeFrame::Kind::list:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        PyList_SET_ITEM(object, frame.index++, item);
      }
      return true;
    case DecodeFrame::Kind::tuple:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        // The place holds None or nothing: no count to give back.
        PyTuple_SET_ITEM(object, frame.index++, item);
      }
      return true;
    case DecodeFrame::Kind::record:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        PyObject* const key = scratch_->keys[frame.slot + static_cast<std::size_t>(frame.index++)];
        const int status = PyDict_SetItem(object, key, item);
        Py_DECREF(item);
        if (status < 0) return false;
      }
      return true;
    case DecodeFrame::Kind::dict:
      while (frame.index < frame.size) {
        if (!frame.key) {
          if (!(item = read_key())) return false;
          frame.key = item;
        }
        if (!(item = read_item())) return false;
        const int status = PyDict_SetItem(object, frame.key, item);
        Py_DECREF(item);
        Py_CLEAR(frame.key);
        if (status < 0) return false;
        ++frame.index;
      }
      return true;
    default:
      while (frame.index < frame.size) {
        if (!(item = read_item())) return false;
        if (!accept(frame, item)) return false;
      }
      return true;
  }
}

// Puts a finished item (its reference is taken) where the container is waiting for it.
bool Decoder::accept(DecodeFrame& frame, PyObject* item) {
  py::Ref owned = py::Ref::steal(item);
  switch (frame.kind) {
    case DecodeFrame::Kind::list:
      PyList_SET_ITEM(frame.object, frame.index++, owned.release());
      return true;
    case DecodeFrame::Kind::tuple:
      PyTuple_SET_ITEM(frame.object, frame.index++, owned.release());
      return true;
    case DecodeFrame::Kind::dict: {
      if (!frame.key) {
        frame.key = owned.release();
        return true;
      }
      const auto key = py::Ref::steal(std::exchange(frame.key, nullptr));
      ++frame.index;
      return PyDict_SetItem(frame.object, key.get(), owned.get()) == 0;
    }
    case DecodeFrame::Kind::record: {
      PyObject* const key = scratch_->keys[frame.slot + static_cast<std::size_t>(frame.index++)];
      return PyDict_SetItem(frame.object, key, owned.get()) == 0;
    }
    case DecodeFrame::Kind::set:
    case DecodeFrame::Kind::frozenset:
      ++frame.index;
      return PySet_Add(frame.object, owned.get()) == 0;
    case DecodeFrame::Kind::slice: {
      auto* const slice = reinterpret_cast<PySliceObject*>(frame.object);
      PyObject** const parts[] = {&slice->start, &slice->stop, &slice->step};
      // What was there is None; filling in place lets the memo name the slice before it is
      // complete.
      Py_SETREF(*parts[frame.index], owned.release());
      ++frame.index;
      return true;
    }
  }
  return false;
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
      return read_text(reader_.byte(), PyUnicode_1BYTE_KIND);
    case Op::str1:
      return read_text(reader_.size(), PyUnicode_1BYTE_KIND);
    case Op::str2:
      return read_text(reader_.size(), PyUnicode_2BYTE_KIND);
    case Op::str4:
      return read_text(reader_.size(), PyUnicode_4BYTE_KIND);
    case Op::bytes: {
      const std::size_t length = reader_.count();
      const std::byte* const data = reader_.block(length);
      if (!data) return corrupted();
      return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(data),
                                       static_cast<Py_ssize_t>(length));
    }
    case Op::bytearray: {
      const std::size_t length = reader_.count();
      const std::byte* const data = reader_.block(length);
      if (!data) return corrupted();
      return PyByteArray_FromStringAndSize(reinterpret_cast<const char*>(data),
                                           static_cast<Py_ssize_t>(length));
    }
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
      return open_shape(slot);
    case Op::record:
      return open_record(reader_.size(), slot);
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
      return read_library(op);
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

PyObject* Decoder::open(Op op, std::uint32_t slot) {
  using Kind = DecodeFrame::Kind;
  const std::size_t count = op == Op::slice ? 3 : reader_.count(op == Op::dict ? 2 : 1);
  if (reader_.failed()) return corrupted();
  const auto size = static_cast<Py_ssize_t>(count);
  PyObject* object = nullptr;
  Kind kind{};
  switch (op) {
    case Op::tuple:
      kind = Kind::tuple;
      object = PyTuple_New(size);
      // A tuple that can be met before it is complete must have something in its places.
      if (object && slot != no_slot && size > 0) {
        for (Py_ssize_t i = 0; i < size; ++i) PyTuple_SET_ITEM(object, i, Py_None);
      }
      break;
    case Op::list:
      kind = Kind::list;
      object = PyList_New(size);
      break;
    case Op::dict:
      kind = Kind::dict;
      object = PyDict_New();
      break;
    case Op::set:
      kind = Kind::set;
      object = PySet_New(nullptr);
      break;
    case Op::frozenset:
      kind = Kind::frozenset;
      object = PyFrozenSet_New(nullptr);
      break;
    default:
      kind = Kind::slice;
      object = PySlice_New(nullptr, nullptr, nullptr);
      break;
  }
  if (!object || size == 0) return object;
  py::Ref owned = py::Ref::steal(object);
  // A frozenset takes items only as long as nobody else refers to it.
  const bool late = kind == Kind::frozenset;
  frames_.push_back({object, nullptr, 0, size, late ? slot : no_slot, kind});
  (void)owned.release();
  if (slot != no_slot && !late) keep(slot, object);
  opened_ = true;
  return nullptr;
}

PyObject* Decoder::open_shape(std::uint32_t slot) {
  const std::size_t count = reader_.count(2);
  if (reader_.failed() || count == 0) return corrupted();
  auto model = py::Ref::steal(PyDict_New());
  if (!model) return nullptr;
  std::vector<PyObject*>& keys = scratch_->keys;
  const std::size_t first = keys.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!next_is({Op::str_short, Op::str1, Op::str2, Op::str4, Op::ref8, Op::ref32}))
      return nullptr;
    const auto key = py::Ref::steal(read_key());
    if (!key) return nullptr;
    if (!PyUnicode_CheckExact(key.get())) return corrupted();
    if (PyDict_SetItem(model.get(), key.get(), Py_None) < 0) return nullptr;
    keys.push_back(key.get());
  }
  if (static_cast<std::size_t>(PyDict_GET_SIZE(model.get())) != count) return corrupted();
  scratch_->shapes.push_back(
      {model.get(), static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)});
  (void)model.release();
  return open_record(scratch_->shapes.size() - 1, slot);
}

PyObject* Decoder::open_record(std::size_t number, std::uint32_t slot) {
  if (number >= scratch_->shapes.size()) return corrupted();
  const DecodeShape& shape = scratch_->shapes[number];
  py::Ref object = py::Ref::steal(PyDict_Copy(shape.model));
  if (!object) return nullptr;
  frames_.push_back({object.get(), nullptr, 0, static_cast<Py_ssize_t>(shape.count), shape.keys,
                     DecodeFrame::Kind::record});
  if (slot != no_slot) keep(slot, object.get());
  (void)object.release();
  opened_ = true;
  return nullptr;
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
  if (!next_is({Op::none, Op::str_short, Op::str1, Op::str2, Op::str4, Op::ref8, Op::ref32})) {
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
