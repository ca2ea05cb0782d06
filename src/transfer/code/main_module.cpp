#include "transfer/code/main_module.hpp"

#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/pickle/support.hpp"

namespace libatoll::transfer {
namespace {

py::Ref text_item(PyObject* dict, PyObject* name) {
  PyObject* const found = PyDict_GetItemWithError(dict, name);
  if (!found || !PyUnicode_CheckExact(found) || PyUnicode_GET_LENGTH(found) == 0) return {};
  return py::Ref::borrow(found);
}

/// The hidden module of `origin.file`, executed when it is first needed.
py::Ref hidden_module(Context& context, const MainOrigin& origin) {
  Context::Impl& impl = context.impl();
  if (!impl.fake_main_modules) {
    impl.fake_main_modules.set_once(py::Ref::steal(PyDict_New()));
    if (!impl.fake_main_modules) return {};
  }
  if (PyObject* const known =
          PyDict_GetItemWithError(impl.fake_main_modules.get(), origin.file.get())) {
    return py::Ref::borrow(known);
  }
  if (PyErr_Occurred()) return {};
  PyObject* const load = pickle_support(context, "load_main");
  if (!load) return {};
  return py::Ref::steal(PyObject_CallFunctionObjArgs(
      load, impl.fake_main_modules.get(), impl.names.fake_main.get(), origin.file.get(),
      origin.package ? origin.package.get() : Py_None, nullptr));
}

}  // namespace

MainOrigin main_origin(Context& context, bool from_hidden) noexcept {
  const Names& names = context.impl().names;
  MainOrigin origin;
  for (PyObject* name : {names.main.get(), names.fake_main.get()}) {
    if (name == names.fake_main.get() && !from_hidden) break;
    PyObject* const module = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
    if (!module || !PyModule_Check(module)) continue;
    origin.file = text_item(PyModule_GetDict(module), names.dunder_file.get());
    if (!origin.file) continue;
    origin.package = text_item(PyModule_GetDict(module), names.dunder_package.get());
    break;
  }
  PyErr_Clear();
  return origin;
}

py::Ref resolve_in_main(Context& context, PyObject* qualname, const MainOrigin& origin) {
  PyObject* const own =
      PyDict_GetItemWithError(PyImport_GetModuleDict(), context.impl().names.main.get());
  if (!own && PyErr_Occurred()) return {};
  if (own && PyModule_Check(own)) {
    if (PyObject* const found = PyDict_GetItemWithError(PyModule_GetDict(own), qualname)) {
      return py::Ref::borrow(found);
    }
    if (PyErr_Occurred()) return {};
  }
  py::Ref found = resolve_qualname(own ? own : Py_None, qualname);
  if (found || !origin.file || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyErr_Clear();
  const py::Ref hidden = hidden_module(context, origin);
  return hidden ? resolve_qualname(hidden.get(), qualname) : py::Ref();
}

}  // namespace libatoll::transfer
