#include "transfer/main/python_functions.hpp"

#include <string>
#include <vector>

#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/main/main_table.hpp"
#include "transfer/main/names.hpp"
#include "transfer/modules/module_files.hpp"
#include "transfer/pickle/hooks.hpp"
#include "transfer/pickle/support.hpp"

namespace libatoll::transfer {
namespace {

// --- in the sender -------------------------------------------------------------------------------

PyObject* names_read_of(PyObject*, PyObject* code) {
  if (!PyCode_Check(code)) {
    PyErr_SetString(PyExc_TypeError, "not a code object");
    return nullptr;
  }
  auto names = py::Ref::steal(PySet_New(nullptr));
  if (!names || py::failed(add_names_read(current(), code, names.get()))) return nullptr;
  return names.release();
}

Encoder* encoder_in_progress() {
  Encoder* const encoder = PickleInProgress::encoder();
  if (!encoder) PyErr_SetString(PyExc_SystemError, "no pickle is being made");
  return encoder;
}

/// refer(home, names): the index that goes with a reference to these names.
PyObject* refer(PyObject*, PyObject* args) {
  long long home = 0;
  PyObject* texts = nullptr;
  if (!PyArg_ParseTuple(args, "LO!", &home, &PyTuple_Type, &texts)) return nullptr;
  Encoder* const encoder = encoder_in_progress();
  if (!encoder) return nullptr;
  try {
    std::vector<std::string> names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); ++i) {
      const char* const name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(texts, i));
      if (!name) return nullptr;
      names.emplace_back(name);
    }
    MainSpace* const space = encoder->context().impl().mains.find(encoder->context(), home);
    if (!space) return nullptr;
    const auto index = encoder->refer(*space, names);
    return index ? PyLong_FromSize_t(*index) : nullptr;
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyObject* attach_code(PyObject*, PyObject* code) {
  Encoder* const encoder = encoder_in_progress();
  if (!encoder) return nullptr;
  try {
    auto record = record_of(encoder->context(), code);
    return record ? PyLong_FromSize_t(encoder->attach(std::move(record))) : nullptr;
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

// --- in the receiver -----------------------------------------------------------------------------

Decoder* decoder_in_progress() {
  Context* const context = find_current();
  Decoder* const decoder = RestoreScope::decoder();
  if (context && decoder && &decoder->context() == context) return decoder;
  PyErr_SetString(PyExc_ValueError, "the message of this object is gone");
  return nullptr;
}

MainSnapshot* snapshot_of(Decoder& decoder, Py_ssize_t index) {
  if (index > 0) return decoder.attachment_as<MainSnapshot>(static_cast<std::size_t>(index - 1));
  if (Installation* const installation = InProgress<Installation>::current()) {
    return &installation->snapshot;
  }
  raise_corrupted();
  return nullptr;
}

PyObject* receive_definition(PyObject*, PyObject* args) {
  long long home = 0;
  PyObject* qualname = nullptr;
  Py_ssize_t index = 0;
  if (!PyArg_ParseTuple(args, "LUn", &home, &qualname, &index)) return nullptr;
  Decoder* const decoder = decoder_in_progress();
  MainSnapshot* const snapshot = decoder ? snapshot_of(*decoder, index) : nullptr;
  if (!snapshot) return nullptr;
  Context& context = decoder->context();
  return context.impl().mains.resolve(context, *snapshot, qualname).release();
}

PyObject* receive_globals(PyObject*, PyObject* args) {
  long long home = 0;
  Py_ssize_t index = 0;
  if (!PyArg_ParseTuple(args, "Ln", &home, &index)) return nullptr;
  Decoder* const decoder = decoder_in_progress();
  MainSnapshot* const snapshot = decoder ? snapshot_of(*decoder, index) : nullptr;
  if (!snapshot) return nullptr;
  Context& context = decoder->context();
  return Py_XNewRef(context.impl().mains.globals(context, *snapshot));
}

PyObject* receive_code(PyObject*, PyObject* args) {
  Py_ssize_t index = 0;
  if (!PyArg_ParseTuple(args, "n", &index)) return nullptr;
  Decoder* const decoder = decoder_in_progress();
  auto* const record = decoder && index >= 0
                           ? decoder->attachment_as<CodeRecord>(static_cast<std::size_t>(index))
                           : nullptr;
  return record ? code_of(decoder->context(), *record).release() : nullptr;
}

/// file_of_module(name): see ModuleFiles::find().
PyObject* file_of_module(PyObject*, PyObject* name) {
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(name, &size);
  if (!text) return nullptr;
  try {
    const auto file =
        ModuleFiles::instance().find(std::string_view(text, static_cast<std::size_t>(size)));
    if (!file) Py_RETURN_NONE;
    return PyUnicode_FromStringAndSize(file->data(), static_cast<Py_ssize_t>(file->size()));
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyMethodDef functions[] = {
    {"names_read", names_read_of, METH_O, nullptr},
    {"refer", refer, METH_VARARGS, nullptr},
    {"attach_code", attach_code, METH_O, nullptr},
    {"receive_definition", receive_definition, METH_VARARGS, nullptr},
    {"receive_globals", receive_globals, METH_VARARGS, nullptr},
    {"receive_code", receive_code, METH_VARARGS, nullptr},
    {"file_of_module", file_of_module, METH_O, nullptr},
    {"restore", restore_attachment, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

py::Status add_python_functions(PyObject* module) {
  return PyModule_AddFunctions(module, functions) == 0 ? py::Status::ok : py::Status::error;
}

py::Ref split_definition(Encoder& encoder, PyObject* definition, PyObject* name) {
  const PickleInProgress in_progress(encoder);
  return call_support(encoder.context(), "split", definition, name);
}

}  // namespace libatoll::transfer
