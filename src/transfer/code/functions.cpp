#include "transfer/code/functions.hpp"

#include "transfer/base/errors.hpp"
#include "transfer/code/record.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/main/names.hpp"
#include "transfer/modules/module_files.hpp"

namespace libatoll::transfer {
namespace {

bool is_text(PyObject* object) {
  return object && PyUnicode_CheckExact(object);
}

bool has_dot(PyObject* name) {
  return PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1) >= 0;
}

/// Module and name as the object itself tells them; false: it has none of use.
bool claimed_name(Context::Impl& impl, PyObject* object, GlobalName& name) {
  PyTypeObject* const type = Py_TYPE(object);
  if (type == &PyFunction_Type) {
    auto* const function = reinterpret_cast<PyFunctionObject*>(object);
    name.module = function->func_module;
    name.qualname = function->func_qualname;
  } else if (type == &PyCFunction_Type) {
    auto* const function = reinterpret_cast<PyCFunctionObject*>(object);
    if (function->m_self && !PyModule_Check(function->m_self)) return false;
    name.module = function->m_module;
    name.holder = py::Ref::steal(PyUnicode_FromString(function->m_ml->ml_name));
    name.qualname = name.holder.get();
  } else if (PyType_Check(object)) {
    auto module = py::Ref::steal(PyObject_GetAttr(object, impl.names.dunder_module.get()));
    auto qualname = py::Ref::steal(PyType_GetQualName(reinterpret_cast<PyTypeObject*>(object)));
    if (!module || !qualname) return false;
    name.holder = py::Ref::steal(PyTuple_Pack(2, module.get(), qualname.get()));
    name.module = module.get();
    name.qualname = qualname.get();
    if (!name.holder) return false;
  } else {
    return false;
  }
  return is_text(name.module) && is_text(name.qualname);
}

bool same_text(PyObject* a, PyObject* b) {
  return a == b || PyUnicode_Compare(a, b) == 0;
}

/// Is that the name of a `__main__` here, and of which interpreter's?
bool find_home(Context::Impl& impl, PyObject* module, std::int64_t& home) {
  if (same_text(module, impl.names.main.get())) {
    home = current_home();
    return true;
  }
  return impl.mains.find_stand_in(module, home);
}

}  // namespace

Answer uses_globals(Context& context, PyObject* code, PyObject* globals, PyObject* builtins) {
  const std::shared_ptr<const CodeFacts> facts = facts_of(context, code);
  if (!facts) return Answer::error;
  if (facts->stores_globals) return Answer::yes;
  if (facts->global_names.empty()) return Answer::no;
  PyObject* const names = reinterpret_cast<PyCodeObject*>(code)->co_names;
  for (const std::uint32_t index : facts->global_names) {
    if (index >= static_cast<std::size_t>(PyTuple_GET_SIZE(names))) return Answer::yes;
    PyObject* const name = PyTuple_GET_ITEM(names, index);
    for (const bool wanted : {false, true}) {
      PyObject* const space = wanted ? builtins : globals;
      if (!space) continue;
      const int found = PyDict_Contains(space, name);
      if (found < 0) return Answer::error;
      if ((found == 1) != wanted) return Answer::yes;
    }
  }
  return Answer::no;
}

namespace {

Answer inner_uses_globals(Context& context, PyObject* code, PyObject* globals, PyObject* builtins) {
  PyObject* const constants = reinterpret_cast<PyCodeObject*>(code)->co_consts;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); ++i) {
    PyObject* const inner = PyTuple_GET_ITEM(constants, i);
    if (!PyCode_Check(inner)) continue;
    Answer answer = uses_globals(context, inner, globals, builtins);
    if (answer == Answer::no) answer = inner_uses_globals(context, inner, globals, builtins);
    if (answer != Answer::no) return answer;
  }
  return Answer::no;
}

}  // namespace

Answer inner_code_uses_globals(Context& context, PyObject* function) {
  auto* const object = reinterpret_cast<PyFunctionObject*>(function);
  return inner_uses_globals(context, object->func_code, object->func_globals,
                            object->func_builtins);
}

Answer is_stateless(Context& context, PyObject* object, const char*& why) {
  why = "not a plain function";
  if (!PyFunction_Check(object)) return Answer::no;
  auto* const function = reinterpret_cast<PyFunctionObject*>(object);
  why = "closures not supported";
  if (function->func_closure ||
      PyCode_GetNumFree(reinterpret_cast<PyCodeObject*>(function->func_code)) > 0) {
    return Answer::no;
  }
  why = "defaults not supported";
  if (function->func_defaults && function->func_defaults != Py_None &&
      PyTuple_GET_SIZE(function->func_defaults) > 0) {
    return Answer::no;
  }
  why = "keyword defaults not supported";
  if (function->func_kwdefaults && function->func_kwdefaults != Py_None &&
      PyDict_GET_SIZE(function->func_kwdefaults) > 0) {
    return Answer::no;
  }
  why = "globals not supported";
  const Answer answer =
      uses_globals(context, function->func_code, function->func_globals, function->func_builtins);
  if (answer == Answer::error) return answer;
  return answer == Answer::yes ? Answer::no : Answer::yes;
}

bool find_global_name(Context& context, PyObject* object, GlobalName& name) noexcept {
  Context::Impl& impl = context.impl();
  if (!claimed_name(impl, object, name)) {
    PyErr_Clear();
    return false;
  }
  name.in_main = find_home(impl, name.module, name.home);
  PyObject* const module =
      PyDict_GetItemWithError(PyImport_GetModuleDict(), name.module);  // borrowed
  if (!module || !PyModule_Check(module)) {
    PyErr_Clear();
    return false;
  }
  if (!has_dot(name.qualname)) {
    PyObject* const found = PyDict_GetItemWithError(PyModule_GetDict(module), name.qualname);
    if (found == object) return true;
    PyErr_Clear();
    if (found) return false;
  }
  const auto found = resolve_qualname(module, name.qualname);
  PyErr_Clear();
  return found.get() == object;
}

py::Ref resolve_qualname(PyObject* start, PyObject* qualname) {
  if (!has_dot(qualname)) return py::Ref::steal(PyObject_GetAttr(start, qualname));
  const auto dot = py::Ref::steal(PyUnicode_FromString("."));
  const auto parts = py::Ref::steal(dot ? PyUnicode_Split(qualname, dot.get(), -1) : nullptr);
  if (!parts) return {};
  py::Ref found = py::Ref::borrow(start);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts.get()); ++i) {
    PyObject* const part = PyList_GET_ITEM(parts.get(), i);
    if (PyUnicode_CompareWithASCIIString(part, "<locals>") == 0) {
      PyErr_Format(PyExc_AttributeError, "can't get local object %R", qualname);
      return {};
    }
    found = py::Ref::steal(PyObject_GetAttr(found.get(), part));
    if (!found) return {};
  }
  return found;
}

namespace {

/// The module of that name, if it is imported. Waits for another thread that is importing it: half
/// of it would be as good as nothing. Empty with or without an error set.
py::Ref imported_module(Context::Impl& impl, PyObject* name) {
  auto module = py::Ref::borrow(PyDict_GetItemWithError(PyImport_GetModuleDict(), name));
  if (!module || module.get() == impl.ready_module.get()) return module;
  if (!py::Ref::steal(PyImport_ImportModuleLevelObject(name, nullptr, nullptr, nullptr, 0))) {
    if (!PyErr_ExceptionMatches(PyExc_ImportError)) return {};
    // That the other thread's import has failed shows below; that of a parent is no matter.
    PyErr_Clear();
  }
  module = py::Ref::borrow(PyDict_GetItemWithError(PyImport_GetModuleDict(), name));
  impl.ready_module = module;
  return module;
}

}  // namespace

py::Ref resolve_global(Context& context, PyObject* module_name, PyObject* qualname) {
  py::Ref module = imported_module(context.impl(), module_name);
  if (!module) {
    if (PyErr_Occurred()) return {};
    module = py::Ref::steal(PyImport_Import(module_name));
    if (!module && learn_missing_module(context)) {
      module = py::Ref::steal(PyImport_Import(module_name));
    }
    if (!module) return {};
    // Of `a.b`, the import system may hand out `a`.
    if (PyObject* const exact = PyDict_GetItemWithError(PyImport_GetModuleDict(), module_name)) {
      module = py::Ref::borrow(exact);
    } else if (PyErr_Occurred()) {
      return {};
    }
  } else if (PyModule_Check(module.get())) {
    if (PyObject* const found = PyDict_GetItemWithError(PyModule_GetDict(module.get()), qualname)) {
      return py::Ref::borrow(found);
    }
    if (PyErr_Occurred()) return {};
  }
  return resolve_qualname(module.get(), qualname);
}

PyObject* main_dict(Context& context) {
  PyObject* const module =
      PyDict_GetItemWithError(PyImport_GetModuleDict(), context.impl().names.main.get());
  if (module && PyModule_Check(module)) return PyModule_GetDict(module);
  if (PyErr_Occurred()) return nullptr;
  PyObject* const made = PyImport_AddModule("__main__");
  return made ? PyModule_GetDict(made) : nullptr;
}

py::Ref make_function(Context& context, PyObject* code, PyObject* name, PyObject* qualname) {
  PyObject* const globals = main_dict(context);
  if (!globals) return {};
  auto function = py::Ref::steal(PyFunction_New(code, globals));
  if (!function) return {};
  if (name && PyObject_SetAttrString(function.get(), "__name__", name) < 0) return {};
  if (qualname && PyObject_SetAttrString(function.get(), "__qualname__", qualname) < 0) return {};
  // `__main__.__name__` may have been changed by the program.
  PyObject* const module = reinterpret_cast<PyFunctionObject*>(function.get())->func_module;
  const bool told =
      module && PyUnicode_CheckExact(module) && same_text(module, context.impl().names.main.get());
  if (!told && PyObject_SetAttr(function.get(), context.impl().names.dunder_module.get(),
                                context.impl().names.main.get()) < 0) {
    return {};
  }
  return function;
}

}  // namespace libatoll::transfer
