#include "transfer/fallback.hpp"

#include "transfer/context_impl.hpp"
#include "transfer/errors.hpp"
#include "transfer/functions.hpp"
#include "transfer/library.hpp"
#include "transfer/pickle.hpp"

namespace libatoll::transfer {

using wire::Op;
using wire::Section;

namespace {

/// Can other objects share a part of this one? Then it must be pickled with its neighbours.
bool holds_others(Context& context, PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  TypeEntry entry = context.impl().types.find(type);
  if (entry.kind == Kind::unknown) entry = classify(context, type);
  if (entry.kind == Kind::extension && static_cast<Tag>(entry.index) == Tag::std_array) return true;
  return type == &PyTuple_Type || type == &PyList_Type || type == &PyDict_Type ||
         type == &PySet_Type || type == &PyFrozenSet_Type || type == &PySlice_Type ||
         type == &PyByteArray_Type;
}

/// Can `object` travel on its own? Leaves no error set.
bool can_travel(Context& context, PyObject* object) {
  const bool native = Encoder(context, Mode::any).value(object) == Encoder::Outcome::done;
  PyErr_Clear();
  return native || is_picklable(context, object);
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

py::Status refuse(Context& context, PyObject* object, const std::string& label) {
  if (error_must_pass()) return py::Status::error;
  if (label.empty() && refuse_function(context, object)) return py::Status::error;
  PyObject* const cause = PyErr_GetRaisedException();
  std::string path = label;
  const py::Ref culprit = find_culprit(context, object, path);
  PyErr_SetRaisedException(cause);
  raise_unsupported(context, path, culprit.get());
  return py::Status::error;
}

/// An error met on the native way (a changed container, a released memoryview): named, not hidden.
py::Status refuse_native(Encoder& encoder, PyObject* object, const std::string& label) {
  if (error_must_pass()) return py::Status::error;
  raise_unsupported(encoder.context(), label, encoder.culprit() ? encoder.culprit() : object);
  return py::Status::error;
}

std::string item_label(const char* label, PyObject* names, Py_ssize_t index) {
  return std::string(label) + '[' +
         (names ? short_repr(PyTuple_GET_ITEM(names, index)) : std::to_string(index)) + ']';
}

py::Status write_split(Encoder& encoder, PyObject* const* items, Py_ssize_t count,
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
  if (!py::failed(write_pickle(encoder, group.get()))) return py::Status::ok;
  if (error_must_pass()) return py::Status::error;
  PyObject* const cause = PyErr_GetRaisedException();
  Py_ssize_t guilty = 0;
  while (guilty + 1 < count && can_travel(context, items[guilty])) ++guilty;
  PyErr_SetRaisedException(cause);
  return refuse(context, items[guilty], item_label(label, names, guilty));
}

}  // namespace

py::Ref find_culprit(Context& context, PyObject* object, std::string& path) {
  constexpr int deepest = 50;
  constexpr Py_ssize_t widest = 2000;
  py::Ref here = py::Ref::borrow(object);
  for (int depth = 0; depth < deepest; ++depth) {
    py::Ref part;
    std::string step;
    const auto blame = [&](PyObject* item, auto describe) {
      if (!item || can_travel(context, item)) return false;
      part = py::Ref::borrow(item);
      step = describe();
      return true;
    };
    PyObject* const whole = here.get();
    if (PyList_CheckExact(whole) || PyTuple_CheckExact(whole)) {
      for (Py_ssize_t i = 0; i < std::min(Py_SIZE(whole), widest); ++i) {
        PyObject* const item =
            PyList_CheckExact(whole) ? PyList_GET_ITEM(whole, i) : PyTuple_GET_ITEM(whole, i);
        if (blame(item, [&] { return '[' + std::to_string(i) + ']'; })) break;
      }
    } else {
      // A dict's values, or an instance's attributes.
      const bool is_dict = PyDict_CheckExact(whole);
      const py::Ref dict = is_dict ? here
                           : PyType_Check(whole) || PyModule_Check(whole) || PyFunction_Check(whole)
                               ? py::Ref()
                               : py::Ref::steal(PyObject_GetAttrString(whole, "__dict__"));
      PyErr_Clear();
      const py::Ref copy =
          dict && PyDict_Check(dict.get()) ? py::Ref::steal(PyDict_Copy(dict.get())) : py::Ref();
      PyObject* key;
      PyObject* item;
      Py_ssize_t position = 0;
      Py_ssize_t tried = 0;
      while (copy && tried++ < widest && PyDict_Next(copy.get(), &position, &key, &item)) {
        const bool found = blame(item, [&] {
          if (is_dict) return '[' + short_repr(key) + ']';
          const char* const name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
          return std::string(".") + (name ? name : "?");
        });
        PyErr_Clear();
        if (found) break;
      }
    }
    if (!part) break;
    path += step;
    here = std::move(part);
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
  encoder.rollback(mark);
  if (PyTuple_CheckExact(object)) {
    encoder.writer().op(Op::split);
    const Py_ssize_t count = PyTuple_GET_SIZE(object);
    encoder.writer().size(static_cast<std::size_t>(count));
    return write_split(encoder, &PyTuple_GET_ITEM(object, 0), count, label.c_str(), nullptr);
  }
  if (!py::failed(write_pickle(encoder, object))) return py::Status::ok;
  return refuse(context, object, label);
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
    return write_split(encoder, items, count, label, names);
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
