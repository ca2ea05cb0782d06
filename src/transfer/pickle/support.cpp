#include "transfer/pickle/support.hpp"

#include <Python.h>
#include <marshal.h>

#include <array>
#include <iterator>
#include <mutex>
#include <string>

#include "python_sources.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/main/names.hpp"
#include "transfer/main/python_functions.hpp"

namespace libatoll::transfer {
namespace {

/// Compiled once in a process: an interpreter needs them soon after its start.
class MarshalledSources {
 public:
  /// Empty with a Python error set on failure.
  [[nodiscard]] py::Ref code(std::size_t index) {
    {
      const std::lock_guard lock(mutex_);
      if (const std::string& known = marshalled_[index]; !known.empty()) {
        return py::Ref::steal(
            PyMarshal_ReadObjectFromString(known.data(), static_cast<Py_ssize_t>(known.size())));
      }
    }
    const PythonSource& source = python_sources[index];
    auto code = py::Ref::steal(Py_CompileString(source.text, source.name, Py_file_input));
    const auto bytes = py::Ref::steal(
        code ? PyMarshal_WriteObjectToString(code.get(), Py_MARSHAL_VERSION) : nullptr);
    if (!bytes) return {};
    const std::lock_guard lock(mutex_);
    marshalled_[index].assign(PyBytes_AS_STRING(bytes.get()),
                              static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
    return code;
  }

 private:
  std::mutex mutex_;
  std::array<std::string, std::size(python_sources)> marshalled_;
};

py::Status run_sources(PyObject* space) {
  // Never destroyed: interpreters may end after the static destructors have run.
  static MarshalledSources* const sources = new MarshalledSources;
  for (std::size_t i = 0; i < std::size(python_sources); ++i) {
    const py::Ref code = sources->code(i);
    if (!code || !py::Ref::steal(PyEval_EvalCode(code.get(), space, space))) {
      return py::Status::error;
    }
  }
  return py::Status::ok;
}

py::Ref make_module() {
  auto module = py::Ref::steal(PyModule_New(support_module));
  if (!module) return {};
  PyObject* const space = PyModule_GetDict(module.get());
  const auto own_id = py::Ref::steal(PyLong_FromLongLong(current_home()));
  if (!own_id || PyDict_SetItemString(space, "OWN_ID", own_id.get()) < 0 ||
      PyDict_SetItemString(space, "__builtins__", PyEval_GetBuiltins()) < 0 ||
      py::failed(add_python_functions(module.get())) || py::failed(run_sources(space))) {
    return {};
  }
  return module;
}

}  // namespace

PyObject* pickle_support(Context& context, const char* name) {
  Context::Impl& impl = context.impl();
  if (!impl.support) {
    auto made = make_module();
    if (!made) return nullptr;
    impl.support.set_once(std::move(made));
    // The one that stays: pickle finds its functions there.
    if (PyDict_SetItemString(PyImport_GetModuleDict(), support_module, impl.support.get()) < 0) {
      return nullptr;
    }
  }
  PyObject* const space = PyModule_GetDict(impl.support.get());
  PyObject* const found = PyDict_GetItemString(space, name);
  if (!found) PyErr_Format(PyExc_SystemError, "no helper named %s", name);
  return found;
}

}  // namespace libatoll::transfer
