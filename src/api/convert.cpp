#include "api/convert.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "atoll/error.hpp"

namespace libatoll::api {

namespace {

constexpr const char* text_encoding = "utf-8";
constexpr const char* keep_surrogates = "surrogatepass";

/// For calls that fail only when there is no memory.
py::Ref require(PyObject* made) {
  if (made) return py::Ref::steal(made);
  PyErr_Clear();
  throw std::bad_alloc();
}

/// Where in a value the work is: indices, and keys of dicts.
class Path {
 public:
  /// One step inwards, for its own lifetime.
  class Step {
   public:
    Step(Path& path, std::size_t index) : path_(path) { path_.steps_.push_back({index, nullptr}); }
    Step(Path& path, const Value* key) : path_(path) { path_.steps_.push_back({0, key}); }
    ~Step() { path_.steps_.pop_back(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Path& path_;
  };

  explicit Path(std::string_view root) : root_(root) {}

  [[nodiscard]] int depth() const noexcept { return static_cast<int>(steps_.size()); }

  [[noreturn]] void fail(const std::string& problem) const {
    constexpr std::size_t shown = 8;  // the first steps; of a deep value the rest says little
    std::string text(root_);
    for (std::size_t i = 0; i < std::min(steps_.size(), shown); ++i) {
      text += '[';
      text += steps_[i].key ? to_string(*steps_[i].key) : std::to_string(steps_[i].index);
      text += ']';
    }
    if (steps_.size() > shown) text += "...";
    throw NotShareableError(text + ": " + problem);
  }

  void check_depth() const {
    if (depth() >= max_depth) {
      fail("nested more than " + std::to_string(max_depth) + " levels deep");
    }
  }

 private:
  struct At {
    std::size_t index;
    const Value* key;
  };
  std::string_view root_;
  std::vector<At> steps_;
};

// --- to Python -----------------------------------------------------------------------------------

py::Ref decode_text(std::string_view text, const Path& path) {
  PyObject* made =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), keep_surrogates);
  if (made) return py::Ref::steal(made);
  const bool malformed = PyErr_ExceptionMatches(PyExc_UnicodeDecodeError);
  PyErr_Clear();
  if (!malformed) throw std::bad_alloc();
  path.fail("the text is not UTF-8 (send it as atoll::Bytes)");
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
      path_.fail("this key is mutable: Python has no such dict");
    }
    return dict;
  }

 private:
  Path path_;
};

// --- from Python ---------------------------------------------------------------------------------

class Reader {
 public:
  explicit Reader(std::string_view what) : path_(what) {}

  Value read(PyObject* object) {
    if (object == Py_None) return {};
    if (PyBool_Check(object)) return object == Py_True;
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
    path_.fail(std::string(Py_TYPE(object)->tp_name) +
               " object cannot become an atoll::Value (None, bool, int, float, str, bytes, list, "
               "tuple and dict can)");
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
};

}  // namespace

py::Ref to_python(const Value& value, std::string_view what) {
  Builder builder(what);
  return value.visit(builder);
}

Value from_python(PyObject* object, std::string_view what) {
  return Reader(what).read(object);
}

py::Ref text_to_python(std::string_view text, std::string_view what) {
  return decode_text(text, Path(what));
}

}  // namespace libatoll::api
