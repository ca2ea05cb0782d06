#include "transfer/pickle/pickle.hpp"

#include <cstring>
#include <string_view>
#include <vector>

#include "transfer/base/errors.hpp"
#include "transfer/code/main_module.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/memory/shared_memory.hpp"
#include "transfer/pickle/hooks.hpp"
#include "transfer/pickle/in_progress.hpp"
#include "transfer/pickle/support.hpp"
#include "transfer/stdlib/python_datetime.hpp"

namespace libatoll::transfer {

using wire::Op;

namespace {

/// What one pickle left outside of itself; lives on the stack of write_pickle.
class Collector {
 public:
  explicit Collector(Encoder& encoder) noexcept
      : encoder_(encoder), start_(encoder.mark().attachments), in_progress_(*this) {}
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector() = default;

  void add(core::Handle<core::SharedBuffer> bytes) {
    attachments_.push_back(encoder_.attach(std::move(bytes)));
  }
  /// Takes back what a failed attempt added.
  void clear() noexcept {
    encoder_.detach_from(start_);
    attachments_.clear();
  }
  [[nodiscard]] const std::vector<std::size_t>& attachments() const noexcept {
    return attachments_;
  }

 private:
  Encoder& encoder_;
  std::size_t start_;
  std::vector<std::size_t> attachments_;
  InProgress<Collector> in_progress_;
};

// pickle's buffer_callback: true keeps the buffer in the pickle.
PyObject* collect_buffer(PyObject*, PyObject* pickle_buffer) {
  Collector* const collector = InProgress<Collector>::current();
  if (!collector) Py_RETURN_TRUE;
  const Py_buffer* const view = PyPickleBuffer_GetBuffer(pickle_buffer);
  if (!view) return nullptr;
  if (view->len < wire::out_of_band_minimum || !PyBuffer_IsContiguous(view, 'A')) Py_RETURN_TRUE;
  try {
    auto bytes = core::SharedBuffer::copy_of(view->buf, static_cast<std::size_t>(view->len),
                                             view->readonly != 0);
    if (!bytes) return PyErr_NoMemory();
    collector->add(std::move(bytes));
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
  Py_RETURN_FALSE;
}

PyMethodDef collect_buffer_def = {"collect_buffer", collect_buffer, METH_O, nullptr};

py::Status load_pickle(Context::Impl& impl) {
  Library& library = impl.library;
  if (library.pickle_loads) return py::Status::ok;
  const auto module = py::Ref::steal(PyImport_ImportModule("pickle"));
  if (!module) return py::Status::error;
  library.dumps_names.set_once(
      py::Ref::steal(Py_BuildValue("(ss)", "protocol", "buffer_callback")));
  library.loads_names.set_once(py::Ref::steal(Py_BuildValue("(s)", "buffers")));
  library.collect_buffer.set_once(py::Ref::steal(PyCFunction_New(&collect_buffer_def, nullptr)));
  library.protocol.set_once(py::Ref::steal(PyLong_FromLong(5)));
  library.pickle_dumps.set_once(py::Ref::steal(PyObject_GetAttrString(module.get(), "dumps")));
  library.pickling_error.set_once(
      py::Ref::steal(PyObject_GetAttrString(module.get(), "PicklingError")));
  auto loads = py::Ref::steal(PyObject_GetAttrString(module.get(), "loads"));
  if (!loads || !library.pickle_dumps || !library.pickling_error || !library.dumps_names ||
      !library.loads_names || !library.protocol || !library.collect_buffer) {
    return py::Status::error;
  }
  library.pickle_loads.set_once(std::move(loads));
  return py::Status::ok;
}

py::Ref dump(Context::Impl& impl, PyObject* object, PyObject* callback) {
  PyObject* const args[] = {object, impl.library.protocol.get(), callback};
  return py::Ref::steal(PyObject_Vectorcall(impl.library.pickle_dumps.get(), args, 1,
                                            impl.library.dumps_names.get()));
}

bool mentions(PyObject* pickled, std::string_view text) noexcept {
  return memmem(PyBytes_AS_STRING(pickled), static_cast<std::size_t>(PyBytes_GET_SIZE(pickled)),
                text.data(), text.size()) != nullptr;
}

/// Is the error that is set pickle's own, about an object that it does not take? What the object's
/// own code raises is none, nor what comes of a value that this code has sent: running it again
/// would repeat what it did, and the more often the deeper such values nest.
bool refused_by_pickle(Context& context) noexcept {
  return (PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_AttributeError) ||
          PyErr_ExceptionMatches(context.impl().library.pickling_error.get())) &&
         !PyErr_ExceptionMatches(context.not_shareable_error());
}

/// The ways to pickle an object, from the quickest on.
class Dumper {
 public:
  Dumper(Encoder& encoder, PyObject* object, Collector& collector) noexcept
      : encoder_(encoder), object_(object), collector_(collector) {}

  /// Empty with pickle's error set if all ways fail.
  py::Ref run() {
    const Mode mode = encoder_.mode();
    Context::Impl& impl = encoder_.context().impl();
    if (mode == Mode::shareable) return plain();
    const bool hooks_first = impl.classes.has_registered();
    py::Ref pickled = hooks_first ? with_hooks(Globals::by_name) : plain();
    if (is_final(pickled)) return pickled;
    const py::Ref first_error = py::Ref::steal(PyErr_GetRaisedException());
    const bool possible = static_cast<bool>(pickled);
    if (!possible && !hooks_first) {
      pickled = with_hooks(Globals::by_name);
      if (is_final(pickled)) return pickled;
    }
    if (mode == Mode::any_by_value) {
      PyErr_Clear();
      pickled = with_hooks(Globals::by_value);
      if (pickled || !refused_by_pickle(encoder_.context())) return pickled;
    }
    PyErr_Clear();
    if (possible) return hooks_first ? with_hooks(Globals::by_name) : plain();
    PyErr_SetRaisedException(Py_NewRef(first_error.get()));
    return {};
  }

  [[nodiscard]] std::uint8_t flags() const noexcept { return flags_; }
  /// What was in `__main__` went by value, and needs none in the receiver.
  [[nodiscard]] bool is_by_value() const noexcept { return by_value_; }

 private:
  /// No other way is to be tried.
  bool is_final(const py::Ref& pickled) const noexcept {
    if (!pickled) return !refused_by_pickle(encoder_.context());
    // Nobody else has the `__main__` of this interpreter. (A chance hit costs time only.)
    return encoder_.mode() != Mode::any_by_value || !mentions(pickled.get(), "__main__");
  }

  py::Ref plain() {
    collector_.clear();
    flags_ = 0;
    by_value_ = false;
    Context::Impl& impl = encoder_.context().impl();
    return checked(dump(impl, object_, impl.library.collect_buffer.get()));
  }

  py::Ref with_hooks(Globals globals) {
    collector_.clear();
    bool used = false;
    PyObject* const callback = encoder_.context().impl().library.collect_buffer.get();
    py::Ref pickled = checked(dump_with_hooks(encoder_, object_, callback, globals, used));
    if (!pickled) return {};
    flags_ = used ? wire::pickle_has_hooks : 0;
    by_value_ = globals == Globals::by_value;
    return pickled;
  }

  static py::Ref checked(py::Ref pickled) {
    if (!pickled || PyBytes_Check(pickled.get())) return pickled;
    PyErr_SetString(PyExc_TypeError, "pickle.dumps() did not return bytes");
    return {};
  }

  Encoder& encoder_;
  PyObject* object_;
  Collector& collector_;
  std::uint8_t flags_ = 0;
  bool by_value_ = false;
};

/// self: (capsule of the Context, file or None, package or None)
PyObject* find_in_main(PyObject* self, PyObject* name) {
  auto* const context =
      static_cast<Context*>(PyCapsule_GetPointer(PyTuple_GET_ITEM(self, 0), nullptr));
  if (!context) return nullptr;
  MainOrigin origin;
  if (PyTuple_GET_ITEM(self, 1) != Py_None) {
    origin.file = py::Ref::borrow(PyTuple_GET_ITEM(self, 1));
  }
  if (PyTuple_GET_ITEM(self, 2) != Py_None) {
    origin.package = py::Ref::borrow(PyTuple_GET_ITEM(self, 2));
  }
  return resolve_in_main(*context, name, origin).release();
}

PyMethodDef find_in_main_def = {"find_in_main", find_in_main, METH_O, nullptr};

py::Ref make_find_in_main(Context& context, const MainOrigin& origin) {
  const auto capsule = py::Ref::steal(PyCapsule_New(&context, nullptr, nullptr));
  if (!capsule) return {};
  const auto self =
      py::Ref::steal(PyTuple_Pack(3, capsule.get(), origin.file ? origin.file.get() : Py_None,
                                  origin.package ? origin.package.get() : Py_None));
  return self ? py::Ref::steal(PyCFunction_New(&find_in_main_def, self.get())) : py::Ref();
}

/// The memory behind the buffers, as pickle wants it; empty without an error: there are none.
bool read_buffers(Decoder& decoder, py::Ref& buffers) {
  Reader& reader = decoder.reader();
  const std::size_t count = reader.count();
  if (reader.failed()) {
    raise_corrupted();
    return false;
  }
  if (count == 0) return true;
  buffers = py::Ref::steal(PyList_New(static_cast<Py_ssize_t>(count)));
  if (!buffers) return false;
  for (std::size_t i = 0; i < count; ++i) {
    auto* const bytes = decoder.attachment_as<core::SharedBuffer>(reader.size());
    if (!bytes) return false;
    auto shared = core::Handle<core::SharedBuffer>::share(bytes);
    // A message that may be decoded again keeps its own copy of what the receiver may write to.
    if (!decoder.consumes() && !bytes->readonly()) {
      shared = core::SharedBuffer::copy_of(bytes->data(), bytes->size(), false);
      if (!shared) {
        PyErr_NoMemory();
        return false;
      }
    }
    py::Ref exporter = share_bytes(decoder.context(), std::move(shared));
    if (!exporter) return false;
    PyList_SET_ITEM(buffers.get(), static_cast<Py_ssize_t>(i), exporter.release());
  }
  return true;
}

}  // namespace

py::Status write_pickle(Encoder& encoder, PyObject* object) {
  Context& context = encoder.context();
  Context::Impl& impl = context.impl();
  if (py::failed(load_pickle(impl))) return py::Status::error;
  encoder.may_run_python();
#if ATOLL_DATETIME_MAY_BE_PYTHON
  align_python_datetime(impl.library.python_datetime);
#endif
  Collector collector(encoder);
  Dumper dumper(encoder, object, collector);
  const py::Ref pickled = dumper.run();
  if (!pickled) return py::Status::error;
  const char* const data = PyBytes_AS_STRING(pickled.get());
  const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(pickled.get()));
  const bool from_hidden = mentions(pickled.get(), "<fake __main__>");
  std::uint8_t flags = dumper.flags();
  // Also found in `<fake __main__>`; a chance hit in the user's data costs time only.
  if (from_hidden || (!dumper.is_by_value() && mentions(pickled.get(), "__main__"))) {
    flags |= wire::pickle_names_main;
  }
  Writer& writer = encoder.writer();
  writer.op(Op::pickle);
  writer.raw(flags);
  if (flags & wire::pickle_names_main) {
    const MainOrigin origin = main_origin(context, from_hidden);
    encoder.text(origin.file.get());
    encoder.text(origin.package.get());
  }
  writer.size(size);
  writer.block(data, size);
  writer.size(collector.attachments().size());
  for (const std::size_t index : collector.attachments()) writer.size(index);
  return py::Status::ok;
}

py::Ref read_pickle(Decoder& decoder) {
#ifdef ATOLL_FUZZING
  raise_corrupted();
  return {};
#endif
  Context& context = decoder.context();
  Context::Impl& impl = context.impl();
  Reader& reader = decoder.reader();
  if (py::failed(load_pickle(impl))) return {};
  const std::uint8_t flags = reader.byte();
  MainOrigin origin;
  if (flags & wire::pickle_names_main &&
      (!decoder.optional_text(origin.file) || !decoder.optional_text(origin.package))) {
    return {};
  }
  const std::size_t size = reader.count();
  const std::byte* const data = reader.block(size);
  if (!data) {
    raise_corrupted();
    return {};
  }
  py::Ref buffers;
  if (!read_buffers(decoder, buffers)) return {};
  // A view of the message costs more than a copy of little.
  const auto view = py::Ref::steal(
      size <= 1024 ? PyBytes_FromStringAndSize(reinterpret_cast<const char*>(data),
                                               static_cast<Py_ssize_t>(size))
                   : PyMemoryView_FromMemory(const_cast<char*>(reinterpret_cast<const char*>(data)),
                                             static_cast<Py_ssize_t>(size), PyBUF_READ));
  if (!view) return {};
  if (flags & (wire::pickle_names_main | wire::pickle_has_hooks)) {
    PyObject* const load = pickle_support(context, "load");
    const py::Ref find = load ? make_find_in_main(context, origin) : py::Ref();
    const py::Ref restore = find ? make_restore(context) : py::Ref();
    if (!restore) return {};
    const RestoreScope scope(decoder);
    return py::Ref::steal(PyObject_CallFunctionObjArgs(
        load, view.get(), buffers ? buffers.get() : Py_None, find.get(), restore.get(), nullptr));
  }
  PyObject* const args[] = {view.get(), buffers.get()};
  return py::Ref::steal(PyObject_Vectorcall(impl.library.pickle_loads.get(), args, 1,
                                            buffers ? impl.library.loads_names.get() : nullptr));
}

bool is_picklable(Context& context, PyObject* object) noexcept {
  Context::Impl& impl = context.impl();
  if (py::failed(load_pickle(impl))) {
    PyErr_Clear();
    return false;
  }
  const py::Ref pickled = dump(impl, object, Py_None);
  PyErr_Clear();
  return static_cast<bool>(pickled);
}

}  // namespace libatoll::transfer
