#include "api/value/convert.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/channel/handles.hpp"
#include "api/process/extension_home.hpp"
#include "api/process/inside.hpp"
#include "api/value/value_path.hpp"
#include "atoll/error.hpp"
#include "transfer/classes/extension_types.hpp"
#include "transfer/classes/registered_types.hpp"

namespace libatoll::api {

namespace {

using transfer::Tag;

constexpr const char* text_encoding = "utf-8";
constexpr const char* keep_surrogates = "surrogatepass";

/// For calls that fail only when there is no memory.
py::Ref require(PyObject* made) {
  if (made) return py::Ref::steal(made);
  PyErr_Clear();
  throw std::bad_alloc();
}

// --- to Python -----------------------------------------------------------------------------------

py::Ref decode_text(std::string_view text, const Path& path) {
  PyObject* made =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), keep_surrogates);
  if (made) return py::Ref::steal(made);
  const bool malformed = PyErr_ExceptionMatches(PyExc_UnicodeDecodeError);
  PyErr_Clear();
  if (!malformed) throw std::bad_alloc();
  path.fail(not_utf8);
}

class Builder {
 public:
  explicit Builder(std::string_view what) : path_(what) {}

  py::Ref operator()(std::monostate) { return py::Ref::borrow(Py_None); }
  py::Ref operator()(bool value) { return py::Ref::borrow(value ? Py_True : Py_False); }
  py::Ref operator()(std::int64_t value) { return require(PyLong_FromLongLong(value)); }
  py::Ref operator()(const BigInt& value) {
    // Hexadecimal: linear time, and not subject to Python's limit of digits.
    return require(PyLong_FromString(value.to_string(16).c_str(), nullptr, 16));
  }
  py::Ref operator()(double value) { return require(PyFloat_FromDouble(value)); }
  py::Ref operator()(const std::string& value) { return decode_text(value, path_); }
  py::Ref operator()(const Bytes& value) {
    return require(PyBytes_FromStringAndSize(value.data(), static_cast<Py_ssize_t>(value.size())));
  }
  py::Ref operator()(const List& value) {
    path_.check_depth();
    py::Ref list = require(PyList_New(static_cast<Py_ssize_t>(value.size())));
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Path::Step step(path_, i);
      PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), value[i].visit(*this).release());
    }
    return list;
  }
  py::Ref operator()(const Tuple& value) {
    path_.check_depth();
    py::Ref tuple = require(PyTuple_New(static_cast<Py_ssize_t>(value.size())));
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Path::Step step(path_, i);
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i),
                       value.items()[i].visit(*this).release());
    }
    return tuple;
  }
  py::Ref operator()(const Dict& value) {
    path_.check_depth();
    py::Ref dict = require(PyDict_New());
    for (const auto& [name, item] : value) {
      const Path::Step step(path_, &name);
      const py::Ref key = name.visit(*this);
      const py::Ref object = item.visit(*this);
      if (PyDict_SetItem(dict.get(), key.get(), object.get()) == 0) continue;
      const bool unhashable = PyErr_ExceptionMatches(PyExc_TypeError);
      PyErr_Clear();
      if (!unhashable) throw std::bad_alloc();
      path_.fail(mutable_key);
    }
    return dict;
  }
  py::Ref operator()(const Queue& value) {
    make_home_known(Tag::queue);
    return restore(Tag::queue, {static_cast<std::uint64_t>(value.id()), {}});
  }
  py::Ref operator()(const Sender& value) { return restore_end(Tag::sender, value); }
  py::Ref operator()(const Receiver& value) { return restore_end(Tag::receiver, value); }
  py::Ref operator()(const SharedBuffer& value) {
    transfer::set_extension_home(Tag::buffer, "atoll._atoll");
    return restore(Tag::buffer, {0, detail::Access::memory(value)});
  }

 private:
  static py::Ref restore(Tag tag, const transfer::ExtensionValue& value) {
    py::Ref object =
        transfer::restore_extension(transfer::current(), static_cast<std::uint8_t>(tag), value);
    if (!object) throw PythonRaised();
    return object;
  }

  template <class End>
  static py::Ref restore_end(Tag tag, const End& value) {
    auto end = core::EndInTransit::make(detail::Access::ref(value));
    if (!end) throw std::bad_alloc();
    make_home_known(tag);
    return restore(tag, {0, std::move(end)});
  }

  Path path_;
};

// --- from Python ---------------------------------------------------------------------------------

class ObjectReader {
  /// How deeply objects of registered types may lie in what such an object is sent as.
  static constexpr int max_registered = 64;

 public:
  explicit ObjectReader(std::string_view what) : path_(what) {}

  Value read(PyObject* object) {
    if (object == Py_None) return {};
    if (PyBool_Check(object)) return object == Py_True;
    if (const py::Ref sent = registered_form(object)) return read_registered(sent.get());
    if (PyLong_Check(object)) return read_integer(object);
    if (PyFloat_Check(object)) return PyFloat_AS_DOUBLE(object);
    if (PyUnicode_Check(object)) return read_text(object);
    if (PyBytes_Check(object)) {
      return Bytes(std::string(PyBytes_AS_STRING(object),
                               static_cast<std::size_t>(PyBytes_GET_SIZE(object))));
    }
    if (PyList_Check(object) || PyTuple_Check(object) || PyDict_Check(object)) {
      path_.check_depth();
      if (std::ranges::find(outer_, object) != outer_.end()) {
        path_.fail(std::string(Py_TYPE(object)->tp_name) +
                   " object contains itself: an atoll::Value cannot");
      }
      outer_.push_back(object);
      Value value = read_container(object);
      outer_.pop_back();
      return value;
    }
    if (std::optional<Value> handle = read_handle(object)) return *std::move(handle);
    path_.fail(std::string(Py_TYPE(object)->tp_name) + " object" + not_a_value);
  }

 private:
  Value read_container(PyObject* object) {
    if (PyList_Check(object)) {
      List items;
      items.reserve(static_cast<std::size_t>(PyList_GET_SIZE(object)));
      for (Py_ssize_t i = 0; i < PyList_GET_SIZE(object); ++i) {
        const Path::Step step(path_, static_cast<std::size_t>(i));
        items.push_back(read(PyList_GET_ITEM(object, i)));
      }
      return items;
    }
    if (PyTuple_Check(object)) {
      List items;
      items.reserve(static_cast<std::size_t>(PyTuple_GET_SIZE(object)));
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); ++i) {
        const Path::Step step(path_, static_cast<std::size_t>(i));
        items.push_back(read(PyTuple_GET_ITEM(object, i)));
      }
      return Tuple(std::move(items));
    }
    Dict items;
    items.reserve(static_cast<std::size_t>(PyDict_Size(object)));
    PyObject* key = nullptr;
    PyObject* item = nullptr;
    for (Py_ssize_t position = 0; PyDict_Next(object, &position, &key, &item);) {
      Value name = read_key(key);
      const Path::Step step(path_, &name);
      Value value = read(item);
      items.append(std::move(name), std::move(value));
    }
    return items;
  }

  Value read_key(PyObject* key) {
    static const Value here("<key>");
    const Path::Step step(path_, &here);
    return read(key);
  }

  static py::Ref registered_form(PyObject* object) {
    // These cannot be registered.
    for (const PyTypeObject* type : {&PyLong_Type, &PyFloat_Type, &PyUnicode_Type, &PyBytes_Type,
                                     &PyList_Type, &PyTuple_Type, &PyDict_Type}) {
      if (Py_TYPE(object) == type) return {};
    }
    transfer::Context* const context = transfer::find_current();
    py::Ref sent = context ? transfer::encode_registered(*context, object) : py::Ref();
    if (!sent && PyErr_Occurred()) throw PythonRaised();
    return sent;
  }

  Value read_registered(PyObject* sent) {
    if (registered_depth_ == max_registered) path_.fail("encode() after encode(), without end");
    ++registered_depth_;
    Value value = read(sent);
    --registered_depth_;
    return value;
  }

  static std::optional<Value> read_handle(PyObject* object) {
    Tag tag{};
    transfer::ExtensionValue value;
    transfer::Context* const context = transfer::find_current();
    if (!context || !transfer::describe_extension(*context, object, tag, value)) {
      if (PyErr_Occurred()) throw PythonRaised();
      return std::nullopt;
    }
    if (tag == Tag::queue) return Queue::from_id(static_cast<std::int64_t>(value.number));
    if (tag == Tag::buffer) {
      return detail::Access::make(static_cast<core::SharedBuffer&>(*value.object));
    }
    const auto* const end = dynamic_cast<const core::EndInTransit*>(value.object.get());
    if (!end) return std::nullopt;
    const core::EndRef& ref = end->ref();
    if (tag == Tag::sender) return detail::Access::make<Sender>(ref.ends(), ref.end());
    return detail::Access::make<Receiver>(ref.ends(), ref.end());
  }

  static Value read_integer(PyObject* object) {
    int overflow = 0;
    const long long small = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow == 0) return small;
    const py::Ref hex = require(PyNumber_ToBase(object, 16));
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(hex.get(), &size);
    if (!text) require(nullptr);
    return BigInt(std::string_view(text, static_cast<std::size_t>(size)));
  }

  Value read_text(PyObject* object) {
    if (PyUnicode_IS_COMPACT_ASCII(object)) {
      return std::string(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(object)),
                         static_cast<std::size_t>(PyUnicode_GET_LENGTH(object)));
    }
    const py::Ref bytes =
        require(PyUnicode_AsEncodedString(object, text_encoding, keep_surrogates));
    return std::string(PyBytes_AS_STRING(bytes.get()),
                       static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
  }

  Path path_;
  std::vector<PyObject*> outer_;  // the containers that the current object lies in
  int registered_depth_ = 0;
};

}  // namespace

py::Ref to_python(const Value& value, std::string_view what) {
  Builder builder(what);
  return value.visit(builder);
}

Value from_python(PyObject* object, std::string_view what) {
  return ObjectReader(what).read(object);
}

py::Ref text_to_python(std::string_view text, std::string_view what) {
  return decode_text(text, Path(what));
}

}  // namespace libatoll::api
