#include "runtime/extensions/stand_ins.hpp"

#include <algorithm>
#include <string>

#include "stand_in_sources.hpp"

namespace libatoll::runtime::extensions {

namespace {

const StandInSource* find(PyObject* name) noexcept {
  const auto* const found = std::ranges::find_if(stand_in_sources, [&](const auto& each) {
    return PyUnicode_CompareWithASCIIString(name, each.module) == 0;
  });
  return found == std::end(stand_in_sources) ? nullptr : found;
}

}  // namespace

bool has_stand_in(PyObject* name) noexcept {
  return find(name) != nullptr;
}

py::Ref make_stand_in(PyObject* name) {
  const StandInSource* const source = find(name);
  if (!source) return {};
  const std::string file = std::string("<atoll ") + source->module + ">";
  const py::Ref code = py::Ref::steal(Py_CompileString(source->text, file.c_str(), Py_file_input));
  py::Ref module = py::Ref::steal(code ? PyModule_NewObject(name) : nullptr);
  if (!module) return {};
  PyObject* const space = PyModule_GetDict(module.get());
  if (PyDict_SetItemString(space, "__builtins__", PyEval_GetBuiltins()) != 0) return {};
  return py::Ref::steal(PyEval_EvalCode(code.get(), space, space)) ? std::move(module) : py::Ref();
}

}  // namespace libatoll::runtime::extensions
