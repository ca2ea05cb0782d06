#include "transfer/code/record.hpp"

#include <Python.h>
#include <marshal.h>

#include <unistd.h>

#include <atomic>
#include <string_view>

#include "py/cpython_compat.hpp"
#include "transfer/code/facts.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/pickle/support.hpp"

namespace libatoll::transfer {
namespace {

void free_notes(void* notes) {
  delete static_cast<CodeNotes*>(notes);
}

/// Null without an error: notes cannot be kept with this code object.
CodeNotes* notes_of(Context::Impl& impl, PyObject* code) {
#if ATOLL_STATIC_CODE_IS_SHARED
  // Deep-frozen code objects belong to all interpreters at once; what is kept with them would be
  // too.
  if (py::is_immortal(code)) return nullptr;
#endif
  if (impl.code_extra_index < 0) {
    impl.code_extra_index = PyUnstable_Eval_RequestCodeExtraIndex(free_notes);
    if (impl.code_extra_index < 0) return nullptr;
  }
  void* known = nullptr;
  if (PyUnstable_Code_GetExtra(code, impl.code_extra_index, &known) < 0) {
    PyErr_Clear();
    return nullptr;
  }
  if (known) return static_cast<CodeNotes*>(known);
  auto notes = std::make_unique<CodeNotes>();
  if (PyUnstable_Code_SetExtra(code, impl.code_extra_index, notes.get()) < 0) {
    PyErr_Clear();
    return nullptr;
  }
  return notes.release();
}

/// Tracebacks, pdb and the like show lines of files; what is in none has to come along.
py::Status find_source(Context& context, PyObject* code, std::string& source) {
  PyObject* const filename = reinterpret_cast<PyCodeObject*>(code)->co_filename;
  const char* const path = PyUnicode_AsUTF8(filename);
  if (!path) {
    PyErr_Clear();
    return py::Status::ok;
  }
  const std::string_view name(path);
  // `<script>`: source text for exec(), compiled a moment ago (script.cpp).
  if (name.starts_with("<frozen ") || name == "<script>" || access(path, R_OK) == 0) {
    return py::Status::ok;
  }
  const py::Ref text = call_support(context, "source_for", code);
  if (!text) return py::Status::error;
  const auto bytes =
      py::Ref::steal(PyUnicode_AsEncodedString(text.get(), "utf-8", "surrogatepass"));
  if (!bytes) return py::Status::error;
  source.assign(PyBytes_AS_STRING(bytes.get()),
                static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
  return py::Status::ok;
}

py::Status register_source(Context& context, PyObject* code, const std::string& source) {
  const auto text = py::Ref::steal(
      PyUnicode_DecodeUTF8(source.data(), static_cast<Py_ssize_t>(source.size()), "surrogatepass"));
  PyObject* const filename = reinterpret_cast<PyCodeObject*>(code)->co_filename;
  return text && call_support(context, "register_source", filename, text.get()) ? py::Status::ok
                                                                                : py::Status::error;
}

core::Handle<CodeRecord> make_record(Context& context, PyObject* code) {
  std::string source;
  if (py::failed(find_source(context, code, source))) return {};
  const auto bytes = py::Ref::steal(PyMarshal_WriteObjectToString(code, Py_MARSHAL_VERSION));
  if (!bytes) return {};
  return core::Handle<CodeRecord>::make(
      std::string(PyBytes_AS_STRING(bytes.get()),
                  static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))),
      std::move(source));
}

std::atomic<std::uint64_t> last_record_id{0};

}  // namespace

CodeRecord::CodeRecord(std::string marshalled, std::string source) noexcept
    : id_(last_record_id.fetch_add(1, std::memory_order_relaxed) + 1),
      marshalled_(std::move(marshalled)),
      source_(std::move(source)) {}

core::Handle<CodeRecord> record_of(Context& context, PyObject* code) {
  CodeNotes* const notes = notes_of(context.impl(), code);
  if (!notes) return make_record(context, code);
  if (!notes->record) notes->record = make_record(context, code);
  return notes->record;
}

py::Ref code_of(Context& context, CodeRecord& record) {
  CodeCache& cache = context.impl().codes;
  if (PyObject* const known = cache.find(record.id())) return py::Ref::borrow(known);
  auto code = py::Ref::steal(PyMarshal_ReadObjectFromString(
      record.marshalled().data(), static_cast<Py_ssize_t>(record.marshalled().size())));
  if (!code) return {};
  if (!PyCode_Check(code.get())) {
    PyErr_SetString(PyExc_ValueError, "code record holds no code object");
    return {};
  }
  if (!record.source().empty() &&
      py::failed(register_source(context, code.get(), record.source()))) {
    return {};
  }
  cache.store(record.id(), code);
  // Should it be sent on, it is the same record.
  if (CodeNotes* const notes = notes_of(context.impl(), code.get())) {
    notes->record = core::Handle<CodeRecord>::share(&record);
  }
  return code;
}

std::shared_ptr<const CodeFacts> facts_of(Context& context, PyObject* code) {
  CodeNotes* const notes = notes_of(context.impl(), code);
  if (notes && notes->facts) return notes->facts;
  auto facts = std::make_shared<CodeFacts>();
  if (py::failed(find_facts(code, *facts))) return nullptr;
  if (notes) notes->facts = facts;
  return facts;
}

}  // namespace libatoll::transfer
