#include "memory/shared_array_elements.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace libatoll::bindings {

namespace {

using core::ElementType;
using Kind = ElementType::Kind;

constexpr bool is_little = std::endian::native == std::endian::little;

template <class T>
T read(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void write(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

// --- names ---------------------------------------------------------------------------------------

/// By a code of the struct module, which NumPy shares; `size` where that is known better.
const ElementType* type_of_code(std::string_view code, std::size_t size) noexcept {
  struct Code {
    std::string_view code;
    Kind kind;
    std::size_t size;
  };
  static constexpr Code codes[] = {
      {"?", Kind::boolean, 1},
      {"b", Kind::integer, 1},
      {"h", Kind::integer, sizeof(short)},
      {"i", Kind::integer, sizeof(int)},
      {"l", Kind::integer, sizeof(long)},
      {"q", Kind::integer, sizeof(long long)},
      {"n", Kind::integer, sizeof(std::ptrdiff_t)},
      {"B", Kind::unsigned_, 1},
      {"H", Kind::unsigned_, sizeof(short)},
      {"I", Kind::unsigned_, sizeof(int)},
      {"L", Kind::unsigned_, sizeof(long)},
      {"Q", Kind::unsigned_, sizeof(long long)},
      {"N", Kind::unsigned_, sizeof(std::size_t)},
      {"e", Kind::real, 2},
      {"f", Kind::real, 4},
      {"d", Kind::real, 8},
      {"Zf", Kind::complex, 8},
      {"Zd", Kind::complex, 16},
      {"F", Kind::complex, 8},
      {"D", Kind::complex, 16},
  };
  for (const Code& each : codes) {
    if (each.code == code) return core::find_element_type(each.kind, size ? size : each.size);
  }
  return nullptr;
}

/// False: the other byte order.
bool strip_order(std::string_view& code) noexcept {
  if (code.empty()) return true;
  switch (code.front()) {
    case '<':
      if (!is_little) return false;
      break;
    case '>':
    case '!':
      if (is_little) return false;
      break;
    case '@':
    case '=':
    case '|':
      break;
    default:
      return true;
  }
  code.remove_prefix(1);
  return true;
}

const ElementType* type_of_text(std::string_view text) noexcept {
  for (const ElementType& each : core::element_types) {
    if (text == each.name) return &each;
  }
  if (text == "bool_") return type_of_code("?", 0);
  if (!strip_order(text)) return nullptr;
  if (text.size() < 2 || text.front() == 'Z') return type_of_code(text, 0);
  std::size_t size = 0;
  for (const char digit : text.substr(1)) {
    if (digit < '0' || digit > '9' || size > 100) return nullptr;
    size = size * 10 + static_cast<std::size_t>(digit - '0');
  }
  return core::find_element_type(static_cast<Kind>(text.front()), size);
}

/// Of what names itself by this attribute; null without an error if it does not.
const ElementType* type_of_attribute(PyObject* object, const char* attribute) {
  const py::Ref text = py::Ref::steal(PyObject_GetAttrString(object, attribute));
  Py_ssize_t size = 0;
  const char* const utf8 =
      text && PyUnicode_Check(text.get()) ? PyUnicode_AsUTF8AndSize(text.get(), &size) : nullptr;
  PyErr_Clear();
  return utf8 ? type_of_text({utf8, static_cast<std::size_t>(size)}) : nullptr;
}

// --- values --------------------------------------------------------------------------------------

double read_real(const ElementType& type, const std::byte* from) noexcept {
  switch (type.size) {
    case 2:
      return PyFloat_Unpack2(reinterpret_cast<const char*>(from), is_little ? 1 : 0);
    case 4:
      return static_cast<double>(read<float>(from));
    default:
      return read<double>(from);
  }
}

py::Status store_integer(const ElementType& type, std::byte* to, PyObject* value) {
  const py::Ref number = py::Ref::steal(PyNumber_Index(value));
  if (!number) return py::Status::error;
  const int bits = 8 * type.size;
  bool fits = false;
  std::uint64_t word = 0;
  if (type.kind == Kind::integer) {
    int overflow = 0;
    const long long wide = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
    fits = overflow == 0 && (bits == 64 || (wide >> (bits - 1)) == (wide < 0 ? -1 : 0));
    word = static_cast<std::uint64_t>(wide);
  } else {
    word = PyLong_AsUnsignedLongLong(number.get());
    fits = !PyErr_Occurred() && (bits == 64 || word >> bits == 0);
    PyErr_Clear();
  }
  if (!fits) {
    PyErr_Format(PyExc_OverflowError, "%R is out of range for %s", number.get(), type.name);
    return py::Status::error;
  }
  switch (type.size) {
    case 1:
      write(to, static_cast<std::uint8_t>(word));
      break;
    case 2:
      write(to, static_cast<std::uint16_t>(word));
      break;
    case 4:
      write(to, static_cast<std::uint32_t>(word));
      break;
    default:
      write(to, word);
  }
  return py::Status::ok;
}

py::Status store_real(const ElementType& type, std::byte* to, PyObject* value) {
  const double number = PyFloat_AsDouble(value);
  if (number == -1.0 && PyErr_Occurred()) return py::Status::error;
  switch (type.size) {
    case 2:
      return PyFloat_Pack2(number, reinterpret_cast<char*>(to), is_little ? 1 : 0) == 0
                 ? py::Status::ok
                 : py::Status::error;
    case 4:
      if (std::isfinite(number) && std::fabs(number) > std::numeric_limits<float>::max() &&
          !std::isfinite(static_cast<float>(number))) {
        PyErr_Format(PyExc_OverflowError, "%R is out of range for %s", value, type.name);
        return py::Status::error;
      }
      write(to, static_cast<float>(number));
      break;
    default:
      write(to, number);
  }
  return py::Status::ok;
}

py::Status store_complex(const ElementType& type, std::byte* to, PyObject* value) {
  const Py_complex number = PyComplex_AsCComplex(value);
  if (number.real == -1.0 && PyErr_Occurred()) return py::Status::error;
  if (type.size == 8) {
    write(to, static_cast<float>(number.real));
    write(to + 4, static_cast<float>(number.imag));
  } else {
    write(to, number.real);
    write(to + 8, number.imag);
  }
  return py::Status::ok;
}

}  // namespace

const ElementType* parse_dtype(PyObject* dtype) {
  const ElementType* found = nullptr;
  if (PyUnicode_Check(dtype)) {
    Py_ssize_t size = 0;
    const char* const text = PyUnicode_AsUTF8AndSize(dtype, &size);
    if (text) found = type_of_text({text, static_cast<std::size_t>(size)});
    PyErr_Clear();
  } else if (PyType_Check(dtype)) {
    auto* const type = reinterpret_cast<PyTypeObject*>(dtype);
    if (type == &PyLong_Type) {
      found = core::find_element_type(Kind::integer, 8);
    } else if (type == &PyFloat_Type) {
      found = core::find_element_type(Kind::real, 8);
    } else if (type == &PyComplex_Type) {
      found = core::find_element_type(Kind::complex, 16);
    } else {
      found = type_of_attribute(dtype, "__name__");
    }
  } else {
    found = type_of_attribute(dtype, "str");
  }
  if (!found) {
    PyErr_Format(PyExc_TypeError,
                 "%R is no element type of a SharedArray: bool, int8 to int64, uint8 to uint64, "
                 "float16 to float64, complex64 and complex128 are",
                 dtype);
  }
  return found;
}

const ElementType* type_of_format(const char* format, Py_ssize_t size) noexcept {
  std::string_view code = format ? format : "B";
  return strip_order(code) ? type_of_code(code, static_cast<std::size_t>(size)) : nullptr;
}

py::Ref load_element(const ElementType& type, const std::byte* from) {
  const auto make = [&] {
    switch (type.kind) {
      case Kind::boolean:
        return PyBool_FromLong(read<std::uint8_t>(from));
      case Kind::integer:
        switch (type.size) {
          case 1:
            return PyLong_FromLong(read<std::int8_t>(from));
          case 2:
            return PyLong_FromLong(read<std::int16_t>(from));
          case 4:
            return PyLong_FromLong(read<std::int32_t>(from));
          default:
            return PyLong_FromLongLong(read<std::int64_t>(from));
        }
      case Kind::unsigned_:
        switch (type.size) {
          case 1:
            return PyLong_FromLong(read<std::uint8_t>(from));
          case 2:
            return PyLong_FromLong(read<std::uint16_t>(from));
          case 4:
            return PyLong_FromUnsignedLong(read<std::uint32_t>(from));
          default:
            return PyLong_FromUnsignedLongLong(read<std::uint64_t>(from));
        }
      case Kind::real:
        return PyFloat_FromDouble(read_real(type, from));
      case Kind::complex:
        break;
    }
    if (type.size == 8) {
      return PyComplex_FromDoubles(static_cast<double>(read<float>(from)),
                                   static_cast<double>(read<float>(from + 4)));
    }
    return PyComplex_FromDoubles(read<double>(from), read<double>(from + 8));
  };
  return py::Ref::steal(make());
}

py::Status store_element(const ElementType& type, std::byte* to, PyObject* value) {
  switch (type.kind) {
    case Kind::boolean: {
      const int truth = PyObject_IsTrue(value);
      if (truth < 0) return py::Status::error;
      write(to, static_cast<std::uint8_t>(truth));
      return py::Status::ok;
    }
    case Kind::integer:
    case Kind::unsigned_:
      return store_integer(type, to, value);
    case Kind::real:
      return store_real(type, to, value);
    case Kind::complex:
      break;
  }
  return store_complex(type, to, value);
}

bool equal_elements(const ElementType& type, const std::byte* a, const std::byte* b) noexcept {
  switch (type.kind) {
    case Kind::real:
      return read_real(type, a) == read_real(type, b);
    case Kind::complex:
      if (type.size == 8) {
        return read<float>(a) == read<float>(b) && read<float>(a + 4) == read<float>(b + 4);
      }
      return read<double>(a) == read<double>(b) && read<double>(a + 8) == read<double>(b + 8);
    default:
      return std::memcmp(a, b, type.size) == 0;
  }
}

}  // namespace libatoll::bindings
