#include "transfer/modules/module_files.hpp"

#include <utility>

#include "core/base/no_destructor.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/pickle/support.hpp"

namespace libatoll::transfer {
namespace {

/// Where the import system finds source files it can be given one; other files (extension modules,
/// archives) are found by their own ways or not at all.
constexpr std::string_view source_suffix = ".py";

std::string_view text_of(PyObject* object) noexcept {
  Py_ssize_t size = 0;
  const char* const text =
      object && PyUnicode_CheckExact(object) ? PyUnicode_AsUTF8AndSize(object, &size) : nullptr;
  PyErr_Clear();
  return text ? std::string_view(text, static_cast<std::size_t>(size)) : std::string_view();
}

void note(Context::Impl& impl, PyObject* name, PyObject* module) {
  if (!PyModule_Check(module)) return;
  PyObject* const path =
      PyDict_GetItemWithError(PyModule_GetDict(module), impl.names.dunder_file.get());
  if (!path) {
    PyErr_Clear();
    return;
  }
  if (impl.last_noted == std::pair{name, path}) return;
  impl.last_noted = {name, path};
  const std::string_view file = text_of(path);
  const std::string_view text = text_of(name);
  if (text.empty() || text.front() == '<' || text == "__main__" || text == "__mp_main__" ||
      !file.ends_with(source_suffix)) {
    return;
  }
  std::string& known = impl.noted_modules[std::string(text)];
  if (known == file) return;
  known = file;
  ModuleFiles::instance().set(std::string(text), std::string(file));
}

}  // namespace

ModuleFiles& ModuleFiles::instance() {
  static core::NoDestructor<ModuleFiles> files;
  return files.get();
}

void ModuleFiles::set(std::string module, std::string file) {
  const std::lock_guard lock(mutex_);
  for (std::size_t dot = module.find('.'); dot != std::string::npos;
       dot = module.find('.', dot + 1)) {
    files_.try_emplace(module.substr(0, dot));
  }
  files_.insert_or_assign(std::move(module), std::move(file));
}

std::optional<std::string> ModuleFiles::find(std::string_view module) const {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(std::string(module));
  return found == files_.end() ? std::nullopt : std::optional(found->second);
}

void note_module_files(Context& context) {
  Context::Impl& impl = context.impl();
  PyObject* const modules = PyImport_GetModuleDict();
  if (PyDict_GET_SIZE(modules) == impl.noted_module_count) return;
  impl.noted_module_count = PyDict_GET_SIZE(modules);
  Py_ssize_t position = 0;
  PyObject* name;
  PyObject* module;
  while (PyDict_Next(modules, &position, &name, &module)) note(impl, name, module);
}

void note_module_file(Context& context, PyObject* name) {
  // It may import others that only the sender finds.
  note_module_files(context);
  PyObject* const module = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
  if (module) {
    note(context.impl(), name, module);
  } else {
    PyErr_Clear();
  }
}

bool learn_missing_module(Context& context) {
  if (!PyErr_ExceptionMatches(PyExc_ModuleNotFoundError)) return false;
  py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  const auto name = py::Ref::steal(PyObject_GetAttrString(error.get(), "name"));
  const std::string_view text = text_of(name.get());
  PyErr_Clear();
  if (!text.empty() && ModuleFiles::instance().find(text)) {
    const auto is_new = call_support(context, "find_modules_of_others");
    if (is_new && is_new.get() == Py_True) return true;
    PyErr_Clear();
  }
  PyErr_SetRaisedException(error.release());
  return false;
}

}  // namespace libatoll::transfer
