#include "transfer/pickle/pickle.hpp"

#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/main/names.hpp"
#include "transfer/memory/shared_memory.hpp"
#include "transfer/modules/module_files.hpp"
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
  // Also small ones: what the receiver gets must not depend on the size.
  if (!PyBuffer_IsContiguous(view, 'A')) Py_RETURN_TRUE;
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
  StdlibTypes& types = impl.stdlib_types;
  if (types.pickle_loads) return py::Status::ok;
  const auto module = py::Ref::steal(PyImport_ImportModule("pickle"));
  if (!module) return py::Status::error;
  types.dumps_names.set_once(py::Ref::steal(Py_BuildValue("(ss)", "protocol", "buffer_callback")));
  types.loads_names.set_once(py::Ref::steal(Py_BuildValue("(s)", "buffers")));
  types.collect_buffer.set_once(py::Ref::steal(PyCFunction_New(&collect_buffer_def, nullptr)));
  types.protocol.set_once(py::Ref::steal(PyLong_FromLong(5)));
  types.pickle_dumps.set_once(py::Ref::steal(PyObject_GetAttrString(module.get(), "dumps")));
  types.pickling_error.set_once(
      py::Ref::steal(PyObject_GetAttrString(module.get(), "PicklingError")));
  auto loads = py::Ref::steal(PyObject_GetAttrString(module.get(), "loads"));
  if (!loads || !types.pickle_dumps || !types.pickling_error || !types.dumps_names ||
      !types.loads_names || !types.protocol || !types.collect_buffer) {
    return py::Status::error;
  }
  types.pickle_loads.set_once(std::move(loads));
  return py::Status::ok;
}

py::Ref dump(Context::Impl& impl, PyObject* object, PyObject* callback) {
  PyObject* const args[] = {object, impl.stdlib_types.protocol.get(), callback};
  return py::Ref::steal(PyObject_Vectorcall(impl.stdlib_types.pickle_dumps.get(), args, 1,
                                            impl.stdlib_types.dumps_names.get()));
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
          PyErr_ExceptionMatches(context.impl().stdlib_types.pickling_error.get())) &&
         !PyErr_ExceptionMatches(context.not_shareable_error());
}

/// The ways to pickle an object, from the quickest on.
class Dumper {
 public:
  Dumper(Encoder& encoder, PyObject* object, Collector& collector) noexcept
      : encoder_(encoder), object_(object), collector_(collector) {}

  /// Empty with pickle's error set if all ways fail.
  py::Ref run() {
    py::Ref pickled = run_ways();
    const bool may_lack_links =
        !pickled && encoder_.has_exceptions() && !encoder_.is_cyclic() &&
        encoder_.exceptions() == ExceptionLinks::kept &&
        (refused_by_pickle(encoder_.context()) || PyErr_ExceptionMatches(PyExc_RecursionError));
    if (!may_lack_links) return pickled;
    // What an exception came of may be what cannot travel.
    PyErr_Clear();
    encoder_.set_exceptions(ExceptionLinks::left_out);
    pickled = run_ways();
    encoder_.set_exceptions(ExceptionLinks::kept);
    return pickled;
  }

  [[nodiscard]] std::uint8_t flags() const noexcept { return flags_; }
  /// Functions and classes of a `__main__` stand in the pickle under their names.
  [[nodiscard]] bool may_name_main() const noexcept { return may_name_main_; }

 private:
  py::Ref run_ways() {
    const Mode mode = encoder_.mode();
    if (mode == Mode::shareable) return plain();
    const Globals last = mode == Mode::any_by_value ? Globals::by_value : Globals::by_definition;
    if (encoder_.collects()) return with_hooks(last);
    const bool hooks_first =
        encoder_.context().impl().classes.has_registered() || encoder_.has_exceptions();
    py::Ref pickled = hooks_first ? with_hooks(Globals::by_name) : plain();
    if (is_final(pickled)) return pickled;
    if (!pickled && !hooks_first) {
      PyErr_Clear();
      pickled = with_hooks(Globals::by_name);
      if (is_final(pickled)) return pickled;
    }
    PyErr_Clear();
    return with_hooks(last);
  }

  /// No other way is to be tried.
  bool is_final(const py::Ref& pickled) const noexcept {
    if (!pickled) return encoder_.is_cyclic() || !refused_by_pickle(encoder_.context());
    // Others have another `__main__`. (A chance hit costs time only.)
    return !mentions(pickled.get(), "__main__");
  }

  py::Ref plain() {
    collector_.clear();
    flags_ = 0;
    may_name_main_ = true;
    Context& context = encoder_.context();
    PyObject* const callback = context.impl().stdlib_types.collect_buffer.get();
    return checked(encoder_.whole()
                       ? call_support(context, "dump", object_, Py_None, callback, encoder_.whole())
                       : dump(context.impl(), object_, callback));
  }

  py::Ref with_hooks(Globals globals) {
    collector_.clear();
    bool used = false;
    PyObject* const callback = encoder_.context().impl().stdlib_types.collect_buffer.get();
    py::Ref pickled = checked(dump_with_hooks(encoder_, object_, callback, globals, used));
    if (!pickled) return {};
    flags_ = used ? wire::pickle_has_hooks : 0;
    may_name_main_ = globals == Globals::by_name;
    return pickled;
  }

  py::Ref checked(py::Ref pickled) {
    if (!pickled || PyBytes_Check(pickled.get())) return pickled;
    if (pickled.get() == Py_None) encoder_.whole_was_met();
    PyErr_SetString(PyExc_TypeError, "pickle.dumps() did not return bytes");
    return {};
  }

  Encoder& encoder_;
  PyObject* object_;
  Collector& collector_;
  std::uint8_t flags_ = 0;
  bool may_name_main_ = false;
};

/// self: (capsule of the Context, capsule of the snapshot)
PyObject* find_in_main(PyObject* self, PyObject* name) {
  auto* const context =
      static_cast<Context*>(PyCapsule_GetPointer(PyTuple_GET_ITEM(self, 0), nullptr));
  auto* const snapshot =
      static_cast<MainSnapshot*>(PyCapsule_GetPointer(PyTuple_GET_ITEM(self, 1), nullptr));
  if (!context || !snapshot) return nullptr;
  return context->impl().mains.resolve_in_file(*context, *snapshot, name).release();
}

PyMethodDef find_in_main_def = {"find_in_main", find_in_main, METH_O, nullptr};

py::Ref make_find_in_main(Context& context, MainSnapshot& snapshot) {
  const auto own = py::Ref::steal(PyCapsule_New(&context, nullptr, nullptr));
  const auto other = py::Ref::steal(PyCapsule_New(&snapshot, nullptr, nullptr));
  const auto self =
      py::Ref::steal(own && other ? PyTuple_Pack(2, own.get(), other.get()) : nullptr);
  return self ? py::Ref::steal(PyCFunction_New(&find_in_main_def, self.get())) : py::Ref();
}

/// The buffers, as memoryviews, for pickle to hand to those who rebuild objects; empty without an
/// error: there are none.
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
    const py::Ref exporter = share_bytes(decoder.context(), std::move(shared));
    py::Ref view = py::Ref::steal(exporter ? PyMemoryView_FromObject(exporter.get()) : nullptr);
    if (!view) return false;
    PyList_SET_ITEM(buffers.get(), static_cast<Py_ssize_t>(i), view.release());
  }
  return true;
}

}  // namespace

py::Status write_pickle(Encoder& encoder, PyObject* object) {
  Context& context = encoder.context();
  Context::Impl& impl = context.impl();
  if (py::failed(load_pickle(impl))) return py::Status::error;
  encoder.may_run_python();
  note_module_files(context);
#if ATOLL_DATETIME_MAY_BE_PYTHON
  align_python_datetime(impl.stdlib_types.python_datetime);
#endif
  Collector collector(encoder);
  Dumper dumper(encoder, object, collector);
  const py::Ref pickled = dumper.run();
  if (!pickled) return py::Status::error;
  const char* const data = PyBytes_AS_STRING(pickled.get());
  const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(pickled.get()));
  std::uint8_t flags = dumper.flags();
  std::size_t snapshot = 0;
  // A chance hit in the user's data costs time only.
  if (dumper.may_name_main() && mentions(pickled.get(), "__main__")) {
    const std::int64_t own = current_home();
    MainSpace* const space = impl.mains.find(context, own);
    auto made = space ? impl.mains.snapshot(context, *space, {}) : nullptr;
    if (!made) return py::Status::error;
    snapshot = encoder.attach(std::move(made));
    flags |= wire::pickle_names_main;
  }
  Writer& writer = encoder.writer();
  writer.op(Op::pickle);
  writer.raw(flags);
  if (flags & wire::pickle_names_main) writer.size(snapshot);
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
  MainSnapshot* snapshot = nullptr;
  if (flags & wire::pickle_names_main) {
    snapshot = decoder.attachment_as<MainSnapshot>(reader.size());
    if (!snapshot) return {};
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
  std::optional<RestoreScope> scope;
  if (flags & wire::pickle_has_hooks) {
    // The module that such a pickle names.
    if (!pickle_support(context, "load")) return {};
    scope.emplace(decoder);
  }
  const auto load = [&]() -> py::Ref {
    if (snapshot) {
      const py::Ref find = make_find_in_main(context, *snapshot);
      return find ? call_support(context, "load", view.get(), buffers ? buffers.get() : Py_None,
                                 find.get())
                  : py::Ref();
    }
    PyObject* const args[] = {view.get(), buffers.get()};
    return py::Ref::steal(
        PyObject_Vectorcall(impl.stdlib_types.pickle_loads.get(), args, 1,
                            buffers ? impl.stdlib_types.loads_names.get() : nullptr));
  };
  py::Ref object = load();
  return object || !learn_missing_module(context) ? std::move(object) : load();
}

}  // namespace libatoll::transfer
