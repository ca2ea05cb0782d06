#include "transfer/cpython_modes.hpp"

#include <Python.h>
#include <marshal.h>

#include <utility>

#include "transfer/base/errors.hpp"
#include "transfer/code/functions.hpp"
#include "transfer/code/script.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/pickle/pickle.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::transfer {
namespace {

constexpr std::pair<std::string_view, CrossMode> names[] = {
    {"xidata", CrossMode::xidata},
    {"pickle", CrossMode::pickle},
    {"marshal", CrossMode::marshal},
    {"code", CrossMode::code},
    {"func", CrossMode::func},
    {"script", CrossMode::script},
    {"script-pure", CrossMode::script_pure},
    {"fallback", CrossMode::fallback},
};

py::Status refuse(PyObject* type, const char* why) {
  PyErr_SetString(type, why);
  return py::Status::error;
}

py::Status write_marshal(Encoder& encoder, PyObject* object) {
  const auto bytes = py::Ref::steal(PyMarshal_WriteObjectToString(object, Py_MARSHAL_VERSION));
  if (!bytes) return py::Status::error;
  const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()));
  encoder.writer().op(wire::Op::marshal);
  encoder.writer().size(size);
  encoder.writer().block(PyBytes_AS_STRING(bytes.get()), size);
  return py::Status::ok;
}

py::Status write_record(Encoder& encoder, core::Handle<CodeRecord> record) {
  if (!record) return py::Status::error;
  encoder.record(std::move(record));
  return py::Status::ok;
}

py::Status write_function(Encoder& encoder, PyObject* object) {
  const char* why = nullptr;
  switch (is_stateless(encoder.context(), object, why)) {
    case Answer::yes:
      return encoder.value(object) == Encoder::Outcome::done ? py::Status::ok : py::Status::error;
    case Answer::no:
      return refuse(PyFunction_Check(object) ? PyExc_ValueError : PyExc_TypeError, why);
    case Answer::error:
      break;
  }
  return py::Status::error;
}

py::Status write(Encoder& encoder, PyObject* object, CrossMode mode) {
  Context& context = encoder.context();
  switch (mode) {
    case CrossMode::pickle:
      return write_pickle(encoder, object);
    case CrossMode::marshal:
      return write_marshal(encoder, object);
    case CrossMode::code:
      if (!PyCode_Check(object)) return refuse(PyExc_TypeError, "not a code object");
      return write_record(encoder, record_of(context, object));
    case CrossMode::func:
      return write_function(encoder, object);
    case CrossMode::script:
      return write_record(encoder, script_record(context, object, Purity::any));
    case CrossMode::script_pure:
      return write_record(encoder, script_record(context, object, Purity::pure));
    case CrossMode::xidata:
    case CrossMode::fallback:
      break;
  }
  return refuse(PyExc_SystemError, "unknown mode");
}

}  // namespace

std::optional<CrossMode> parse_cross_mode(std::string_view name) noexcept {
  for (const auto& [text, mode] : names) {
    if (text == name) return mode;
  }
  return std::nullopt;
}

py::Status encode_mode(Context& context, PyObject* object, CrossMode mode, core::Message& out) {
  if (mode == CrossMode::xidata) return encode(context, object, Mode::shareable, out);
  if (mode == CrossMode::fallback) return encode(context, object, Mode::any, out);
  out.reset();
  try {
    // A pickle alone, without what would travel beside it.
    Encoder encoder(context, mode == CrossMode::pickle ? Mode::shareable : Mode::any);
    if (!py::failed(write(encoder, object, mode))) {
      out = encoder.finish();
      return py::Status::ok;
    }
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  raise_unsupported(context, {}, object);
  return py::Status::error;
}

}  // namespace libatoll::transfer
