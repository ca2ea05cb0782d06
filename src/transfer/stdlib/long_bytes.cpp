#define PY_SSIZE_T_CLEAN
#include "transfer/stdlib/long_bytes.hpp"

#include <cstring>

#include "transfer/context/impl.hpp"

namespace libatoll::transfer {

#if ATOLL_HAS_LONG_NATIVE_BYTES

Py_ssize_t long_byte_count(Context&, PyObject* number) {
  return PyLong_AsNativeBytes(number, nullptr, 0, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
}

py::Status long_to_bytes(Context&, PyObject* number, std::byte* out, Py_ssize_t length) {
  const Py_ssize_t used = PyLong_AsNativeBytes(number, out, length, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
  return used < 0 ? py::Status::error : py::Status::ok;
}

py::Ref long_from_bytes(Context&, const std::byte* bytes, Py_ssize_t length) {
  return py::Ref::steal(PyLong_FromNativeBytes(bytes, static_cast<std::size_t>(length),
                                               Py_ASNATIVEBYTES_LITTLE_ENDIAN));
}

#else

Py_ssize_t long_byte_count(Context& context, PyObject* number) {
  const auto bits =
      py::Ref::steal(PyObject_CallMethodNoArgs(number, context.impl().names.bit_length.get()));
  const Py_ssize_t count = bits ? PyLong_AsSsize_t(bits.get()) : -1;
  return count < 0 ? -1 : count / 8 + 1;
}

py::Status long_to_bytes(Context&, PyObject* number, std::byte* out, Py_ssize_t length) {
  const auto method = py::Ref::steal(PyObject_GetAttrString(number, "to_bytes"));
  const auto args = py::Ref::steal(Py_BuildValue("(ns)", length, "little"));
  const auto kwargs = py::Ref::steal(Py_BuildValue("{sO}", "signed", Py_True));
  if (!method || !args || !kwargs) return py::Status::error;
  const auto bytes = py::Ref::steal(PyObject_Call(method.get(), args.get(), kwargs.get()));
  if (!bytes) return py::Status::error;
  std::memcpy(out, PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(length));
  return py::Status::ok;
}

py::Ref long_from_bytes(Context&, const std::byte* data, Py_ssize_t length) {
  const auto method = py::Ref::steal(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyLong_Type), "from_bytes"));
  const auto args =
      py::Ref::steal(Py_BuildValue("(y#s)", reinterpret_cast<const char*>(data), length, "little"));
  const auto kwargs = py::Ref::steal(Py_BuildValue("{sO}", "signed", Py_True));
  if (!method || !args || !kwargs) return {};
  return py::Ref::steal(PyObject_Call(method.get(), args.get(), kwargs.get()));
}

#endif

}  // namespace libatoll::transfer
