// Calls: the callable and its arguments in one message, vectorcall form on both ends.
#include <memory>

#include "transfer/base/errors.hpp"
#include "transfer/code/main_frame.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/transfer.hpp"
#include "transfer/value_or_pickle.hpp"

namespace libatoll::transfer {

using wire::Op;

namespace {

/// The arguments of a call that arrives: on the stack when there are few.
class Arguments {
 public:
  Arguments() noexcept { few_[0] = nullptr; }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments() {
    for (Py_ssize_t i = 0; i < count_; ++i) Py_XDECREF(data()[i]);
  }

  /// Makes room for `more` arguments (null) and gives the place of the first.
  PyObject** extend(Py_ssize_t more) {
    const Py_ssize_t total = count_ + more;
    if (total > capacity_) {
      auto many = std::make_unique<PyObject*[]>(static_cast<std::size_t>(total) + 1);
      std::copy(data(), data() + count_, many.get() + 1);
      many_ = std::move(many);
      capacity_ = total;
    }
    PyObject** const first = data() + count_;
    std::fill(first, first + more, nullptr);
    count_ = total;
    return first;
  }

  /// One place before it may be used by the callee (PY_VECTORCALL_ARGUMENTS_OFFSET).
  [[nodiscard]] PyObject** data() noexcept { return (many_ ? many_.get() : few_) + 1; }

 private:
  static constexpr Py_ssize_t few = 8;
  PyObject* few_[few + 1];
  std::unique_ptr<PyObject*[]> many_;
  Py_ssize_t count_ = 0;
  Py_ssize_t capacity_ = few;
};

py::Ref refuse_part(Context& context, const char* part) {
  raise_not_shareable(context, "object could not be unpickled");
  raise_not_shareable(context, std::string(part) + " not shareable");
  return {};
}

py::Ref read_keywords(Decoder& decoder, std::size_t count) {
  py::Ref names = py::Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(count)));
  if (!names) return {};
  for (std::size_t i = 0; i < count; ++i) {
    py::Ref name = decoder.value();
    if (!name) return {};
    if (!PyUnicode_CheckExact(name.get())) {
      raise_corrupted();
      return {};
    }
    PyTuple_SET_ITEM(names.get(), static_cast<Py_ssize_t>(i), name.release());
  }
  return names;
}

py::Ref receive_call(Context& context, const core::Message& message, bool consume, bool& decoded,
                     CallSpan* span) {
  decoded = false;
  py::Ref callable;
  py::Ref names;
  Arguments arguments;
  Py_ssize_t positional = 0;
  {
    Decoder decoder(context, message, consume);
    Reader& reader = decoder.reader();
    if (reader.byte() != static_cast<std::uint8_t>(Op::call)) {
      raise_corrupted();
      return refuse_part(context, "call");
    }
    callable = decoder.value();
    if (!callable) return refuse_part(context, "func");

    const std::size_t args = reader.count();
    positional = static_cast<Py_ssize_t>(args);
    if (reader.failed()) raise_corrupted();
    if (reader.failed() ||
        (args > 0 && py::failed(read_section(decoder, arguments.extend(positional), positional)))) {
      return refuse_part(context, "args");
    }
    const std::size_t keywords = reader.count();
    if (reader.failed()) raise_corrupted();
    if (!reader.failed() && keywords > 0) names = read_keywords(decoder, keywords);
    if (reader.failed() || (keywords > 0 && !names)) return refuse_part(context, "kwargs");
    const auto named = static_cast<Py_ssize_t>(keywords);
    if (keywords > 0 && py::failed(read_section(decoder, arguments.extend(named), named))) {
      return refuse_part(context, "kwargs");
    }
  }
  decoded = true;
  if (span && !span->begin()) return {};
  py::Ref result = call_as_main(context, callable.get(), arguments.data(), positional, names.get());
  if (span) span->end();
  return result;
}

}  // namespace

py::Status encode_call(Context& context, PyObject* callable, PyObject* const* args,
                       Py_ssize_t nargs, PyObject* kwnames, core::Message& out, Mode mode) {
  out.reset();
  try {
    Encoder encoder(context, mode);
    Writer& writer = encoder.writer();
    writer.op(Op::call);
    if (py::failed(write_value(encoder, callable, {}))) return py::Status::error;
    writer.size(static_cast<std::size_t>(nargs));
    if (nargs > 0 && py::failed(write_section(encoder, args, nargs, "args", nullptr))) {
      return py::Status::error;
    }
    const Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    writer.size(static_cast<std::size_t>(named));
    for (Py_ssize_t i = 0; i < named; ++i) {
      // A subclass of str (from a **dict) goes as the text that it is.
      encoder.text(PyTuple_GET_ITEM(kwnames, i));
    }
    if (named > 0 && py::failed(write_section(encoder, args + nargs, named, "kwargs", kwnames))) {
      return py::Status::error;
    }
    out = encoder.finish();
    return py::Status::ok;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return py::Status::error;
  }
}

py::Ref call_as_main(Context& context, PyObject* callable, PyObject** args, Py_ssize_t nargs,
                     PyObject* kwnames) {
  PyTypeObject* const type = Py_TYPE(callable);
  if (type == &PyFunction_Type || type == &PyType_Type || type == &PyMethod_Type) {
    return py::Ref::steal(PyObject_Vectorcall(
        callable, args, static_cast<std::size_t>(nargs) | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames));
  }
  return call_in_main_frame(context, callable, args, nargs, kwnames);
}

py::Ref decode_and_call(Context& context, const core::Message& message, bool& decoded) {
  try {
    return receive_call(context, message, false, decoded, nullptr);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return {};
  }
}

py::Ref decode_and_call(Context& context, core::Message&& message, bool& decoded, CallSpan* span) {
  try {
    return receive_call(context, message, true, decoded, span);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return {};
  }
}

}  // namespace libatoll::transfer
