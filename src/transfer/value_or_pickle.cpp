#include "transfer/value_or_pickle.hpp"

#include "transfer/base/errors.hpp"
#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/pickle/pickle.hpp"
#include "transfer/pickle/support.hpp"
#include "transfer/stdlib/stdlib_types.hpp"

namespace libatoll::transfer {

using wire::Op;
using wire::Section;

namespace {

/// Can other objects share this one or a part of it, so that one sees what is done to the other?
/// Then it must be pickled with its neighbours.
bool holds_others(Context& context, PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  for (PyTypeObject* const atom :
       {&PyUnicode_Type, &PyBytes_Type, &PyLong_Type, &PyFloat_Type, &PyBool_Type, &PyComplex_Type,
        Py_TYPE(Py_None), Py_TYPE(Py_Ellipsis), &PyRange_Type, &PyMemoryView_Type, &PyFunction_Type,
        &PyCFunction_Type, &PyType_Type}) {
    if (type == atom) return false;
  }
  TypeEntry entry = context.impl().types.find(type);
  if (entry.kind == TypeKind::unknown) entry = classify(context, type);
  switch (entry.kind) {
    case TypeKind::unknown:
    case TypeKind::registered:
      return true;
    case TypeKind::extension:
      return static_cast<Tag>(entry.index) == Tag::std_array;
    default:
      return false;
  }
}

/// Can `object` travel on its own? Leaves no error set.
bool can_travel(Context& context, PyObject* object, Mode mode) {
  Encoder encoder(context, mode);
  const Encoder::Mark start = encoder.mark();
  if (encoder.value(object) == Encoder::Outcome::done) return true;
  PyErr_Clear();
  encoder.rollback(start);
  const bool pickled = !py::failed(write_pickle(encoder, object));
  PyErr_Clear();
  return pickled;
}

/// The functions that PEP 734 sends without pickle have a refusal of their own.
bool refuse_function(Context& context, PyObject* object) {
  if (!PyFunction_Check(object)) return false;
  PyErr_Clear();
  const char* why = nullptr;
  if (is_stateless(context, object, why) == Answer::error) return true;
  PyErr_SetString(PyExc_ValueError, why);
  raise_not_shareable(context, "only stateless functions are shareable");
  return true;
}

}  // namespace

bool can_be_searched(Context& context) noexcept {
  return !PyErr_ExceptionMatches(PyExc_RecursionError) &&
         !PyErr_ExceptionMatches(context.not_shareable_error());
}

namespace {

py::Status refuse(Encoder& encoder, PyObject* object, const std::string& label) {
  Context& context = encoder.context();
  if (error_must_pass()) return py::Status::error;
  // Where functions go by value, the rule about stateless ones is not what is in the way.
  if (encoder.mode() != Mode::any_by_value && label.empty() && refuse_function(context, object)) {
    return py::Status::error;
  }
  std::string path = label;
  py::Ref culprit = py::Ref::borrow(object);
  if (can_be_searched(context)) {
    PyObject* const cause = PyErr_GetRaisedException();
    culprit = find_culprit(context, object, encoder.mode(), path);
    PyErr_SetRaisedException(cause);
  }
  raise_unsupported(context, path, culprit.get());
  return py::Status::error;
}

/// An error met on the native way (a changed container, a released memoryview): named, not hidden.
py::Status refuse_native(Encoder& encoder, PyObject* object, const std::string& label) {
  if (error_must_pass()) return py::Status::error;
  raise_unsupported(encoder.context(), label + encoder.path(),
                    encoder.culprit() ? encoder.culprit() : object);
  return py::Status::error;
}

std::string item_label(const char* label, PyObject* names, Py_ssize_t index) {
  return std::string(label) + '[' +
         (names ? short_repr(PyTuple_GET_ITEM(names, index)) : std::to_string(index)) + ']';
}

/// `whole`: the tuple of which these are the items, if others may refer to it; else null. If it is
/// a part of itself, this fails, and the encoder is cyclic.
py::Status write_split(Encoder& encoder, PyObject* whole, PyObject* const* items, Py_ssize_t count,
                       const char* label, PyObject* names) {
  Context& context = encoder.context();
  const auto pickled = py::Ref::steal(PyList_New(0));
  if (!pickled) return py::Status::error;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!holds_others(context, items[i])) {
      const Encoder::Mark mark = encoder.mark();
      encoder.writer().raw(std::uint8_t{0});
      const Encoder::Outcome outcome = encoder.value(items[i]);
      if (outcome == Encoder::Outcome::done) continue;
      if (outcome == Encoder::Outcome::error) {
        return refuse_native(encoder, items[i], item_label(label, names, i));
      }
      encoder.rollback(mark);
    }
    encoder.writer().raw(std::uint8_t{1});
    if (PyList_Append(pickled.get(), items[i]) < 0) return py::Status::error;
  }
  const auto group = py::Ref::steal(PyList_AsTuple(pickled.get()));
  if (!group) return py::Status::error;
  encoder.set_whole(whole);
  const py::Status status = write_pickle(encoder, group.get());
  encoder.set_whole(nullptr);
  if (!py::failed(status)) return py::Status::ok;
  if (error_must_pass() || (whole && encoder.is_cyclic())) return py::Status::error;
  Py_ssize_t guilty = 0;
  if (can_be_searched(context)) {
    PyObject* const cause = PyErr_GetRaisedException();
    while (guilty + 1 < count && can_travel(context, items[guilty], encoder.mode())) ++guilty;
    PyErr_SetRaisedException(cause);
  }
  return refuse(encoder, items[guilty], item_label(label, names, guilty));
}

}  // namespace

py::Ref find_culprit(Context& context, PyObject* object, Mode mode, std::string& path) {
  constexpr int deepest = 50;
  constexpr Py_ssize_t widest = 2000;
  py::Ref here = py::Ref::borrow(object);
  PyObject* const parts_of = pickle_support(context, "parts");
  for (int depth = 0; parts_of && depth < deepest; ++depth) {
    const auto parts = py::Ref::steal(PyObject_CallOneArg(parts_of, here.get()));
    if (!parts || !PyList_Check(parts.get())) break;
    py::Ref guilty;
    for (Py_ssize_t i = 0; i < std::min(PyList_GET_SIZE(parts.get()), widest); ++i) {
      PyObject* const pair = PyList_GET_ITEM(parts.get(), i);
      if (can_travel(context, PyTuple_GET_ITEM(pair, 1), mode)) continue;
      const char* const step = PyUnicode_AsUTF8(PyTuple_GET_ITEM(pair, 0));
      path += step ? step : "?";
      guilty = py::Ref::borrow(PyTuple_GET_ITEM(pair, 1));
      break;
    }
    if (!guilty) break;
    here = std::move(guilty);
  }
  PyErr_Clear();
  return here;
}

py::Status write_value(Encoder& encoder, PyObject* object, const std::string& label) {
  Context& context = encoder.context();
  const Encoder::Mark mark = encoder.mark();
  switch (encoder.value(object)) {
    case Encoder::Outcome::done:
      return py::Status::ok;
    case Encoder::Outcome::error:
      return refuse_native(encoder, object, label);
    case Encoder::Outcome::refused:
      break;
  }
  if (encoder.mode() == Mode::shareable) {
    raise_unsupported(context, label + encoder.path(), encoder.culprit());
    return py::Status::error;
  }
  // What is not native is most often what pickle does not take, either.
  const py::Ref suspect = py::Ref::borrow(encoder.culprit());
  const std::string path = label + encoder.path();
  const bool is_cyclic = encoder.is_cyclic();
  encoder.rollback(mark);
  if (PyTuple_CheckExact(object) && !is_cyclic) {
    encoder.writer().op(Op::split);
    const Py_ssize_t count = PyTuple_GET_SIZE(object);
    encoder.writer().size(static_cast<std::size_t>(count));
    // A sole reference is the caller's.
    PyObject* const whole = Py_REFCNT(object) > 1 ? object : nullptr;
    const py::Status status =
        write_split(encoder, whole, &PyTuple_GET_ITEM(object, 0), count, label.c_str(), nullptr);
    if (!py::failed(status) || !whole || !encoder.is_cyclic()) return status;
    PyErr_Clear();
    encoder.rollback(mark);
  }
  if (!py::failed(write_pickle(encoder, object))) return py::Status::ok;
  if (suspect && can_be_searched(context)) {
    PyObject* const cause = PyErr_GetRaisedException();
    const bool guilty = !can_travel(context, suspect.get(), encoder.mode());
    PyErr_SetRaisedException(cause);
    if (guilty) return refuse(encoder, suspect.get(), path);
  }
  return refuse(encoder, object, label);
}

py::Status write_section(Encoder& encoder, PyObject* const* items, Py_ssize_t count,
                         const char* label, PyObject* names) {
  const Encoder::Mark mark = encoder.mark();
  encoder.writer().raw(Section::native);
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Encoder::Outcome outcome = encoder.value(items[i]);
    if (outcome == Encoder::Outcome::done) continue;
    if (outcome == Encoder::Outcome::error) {
      return refuse_native(encoder, items[i], item_label(label, names, i));
    }
    encoder.rollback(mark);
    encoder.writer().raw(Section::split);
    return write_split(encoder, nullptr, items, count, label, names);
  }
  return py::Status::ok;
}

namespace {

py::Status read_split(Decoder& decoder, PyObject** items, Py_ssize_t count) {
  Reader& reader = decoder.reader();
  std::vector<Py_ssize_t> pickled;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (reader.byte() == 1) {
      pickled.push_back(i);
      continue;
    }
    items[i] = decoder.value().release();
    if (!items[i]) return py::Status::error;
  }
  const py::Ref group = decoder.value();
  if (!group) return py::Status::error;
  if (!PyTuple_CheckExact(group.get()) ||
      PyTuple_GET_SIZE(group.get()) != static_cast<Py_ssize_t>(pickled.size())) {
    raise_corrupted();
    return py::Status::error;
  }
  for (std::size_t i = 0; i < pickled.size(); ++i) {
    items[pickled[i]] = Py_NewRef(PyTuple_GET_ITEM(group.get(), static_cast<Py_ssize_t>(i)));
  }
  return py::Status::ok;
}

}  // namespace

py::Status read_section(Decoder& decoder, PyObject** items, Py_ssize_t count) {
  switch (static_cast<Section>(decoder.reader().byte())) {
    case Section::native:
      for (Py_ssize_t i = 0; i < count; ++i) {
        items[i] = decoder.value().release();
        if (!items[i]) return py::Status::error;
      }
      return py::Status::ok;
    case Section::split:
      return read_split(decoder, items, count);
  }
  raise_corrupted();
  return py::Status::error;
}

py::Ref read_value(Decoder& decoder) {
  Reader& reader = decoder.reader();
  if (reader.peek() != static_cast<std::uint8_t>(Op::split)) return decoder.value();
  (void)reader.byte();
  const std::size_t count = reader.count();
  if (reader.failed()) {
    raise_corrupted();
    return {};
  }
  std::vector<PyObject*> items(count);
  const py::Status status = read_split(decoder, items.data(), static_cast<Py_ssize_t>(count));
  py::Ref tuple;
  if (!py::failed(status)) tuple = py::Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (std::size_t i = 0; i < count; ++i) {
    if (tuple) {
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), items[i]);
    } else {
      Py_XDECREF(items[i]);
    }
  }
  return tuple;
}

}  // namespace libatoll::transfer
