#include "runtime/extensions/import_hook.hpp"

#include <dlfcn.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "py/thread_state.hpp"
#include "runtime/extensions/declaration.hpp"
#include "runtime/extensions/error.hpp"
#include "runtime/extensions/module_slots.hpp"
#include "runtime/extensions/private_copy.hpp"
#include "runtime/extensions/stand_ins.hpp"
#include "runtime/interpreter/registry.hpp"

namespace libatoll::runtime::extensions {

namespace {

/// Marks loaders whose module is a private copy.
constexpr const char* mark = "_atoll_private";

/// How many copies the calling thread is just initialising, one inside the other.
thread_local int initialising = 0;

/// CPython's check, off (or on again) while it exists: off for what a copy makes in its init
/// functions, since extensions that create submodules inside themselves run into it; on for what
/// these functions import in their turn. importlib.util documents the switch.
class CheckScope {
 public:
  explicit CheckScope(bool disable) : change_(disable ? 1 : -initialising) {
    initialising += change_;
    const py::Ref util = py::Ref::steal(PyImport_ImportModule("importlib.util"));
    const py::Ref make = py::Ref::steal(
        util ? PyObject_GetAttrString(util.get(), "_incompatible_extension_module_restrictions")
             : nullptr);
    const py::Ref none = py::Ref::steal(PyTuple_New(0));
    const py::Ref keywords =
        py::Ref::steal(Py_BuildValue("{sO}", "disable_check", disable ? Py_True : Py_False));
    if (!make || !none || !keywords) return;
    manager_ = py::Ref::steal(PyObject_Call(make.get(), none.get(), keywords.get()));
    if (!manager_) return;
    const py::Ref done = py::Ref::steal(PyObject_CallMethod(manager_.get(), "__enter__", nullptr));
    if (!done) manager_.reset();
  }
  ~CheckScope() {
    initialising -= change_;
    if (!manager_) return;
    PyObject* const error = PyErr_GetRaisedException();
    const py::Ref done = py::Ref::steal(
        PyObject_CallMethod(manager_.get(), "__exit__", "OOO", Py_None, Py_None, Py_None));
    if (!done) PyErr_WriteUnraisable(manager_.get());
    PyErr_SetRaisedException(error);
  }
  CheckScope(const CheckScope&) = delete;
  CheckScope& operator=(const CheckScope&) = delete;

  /// False with a Python error set.
  explicit operator bool() const noexcept { return static_cast<bool>(manager_); }

 private:
  int change_;
  py::Ref manager_;
};

/// ImportError that names the module, the file and the cause; a Python error that is set already
/// becomes its cause.
py::Ref refuse(PyObject* name, PyObject* path, const char* why) {
  const py::Ref cause = py::Ref::steal(PyErr_GetRaisedException());
  const py::Ref text = py::Ref::steal(
      PyUnicode_FromFormat("module %U: a private copy of %U cannot be used: %s", name, path, why));
  if (!text) return {};
  PyErr_SetImportError(text.get(), name, path);
  if (!cause) return {};
  const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  PyException_SetCause(error.get(), py::Ref(cause).release());
  PyErr_SetRaisedException(py::Ref(error).release());
  return {};
}

/// The definition is the copy's own: it now says what is true of a copy.
void declare_isolation(PyModuleDef& definition) {
  if (declaration_of(definition.m_slots) == Declaration::isolated) return;
  std::vector<PyModuleDef_Slot> slots = without_declaration(definition.m_slots);
  slots.push_back({Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED});
  slots.push_back({0, nullptr});
  definition.m_slots = kept_for_good(slots);
}

/// The definitions of modules from single-phase initialisation, by the copy that they are in.
class SinglePhase {
 public:
  [[nodiscard]] static SinglePhase& instance() noexcept {
    static SinglePhase* const known = new SinglePhase;
    return *known;
  }

  void set(void* library, PyModuleDef* definition) {
    const std::lock_guard lock(mutex_);
    definitions_[library] = definition;
  }

  /// The module that was made before, in the interpreter that the copy is for: one without a state
  /// of its own is never initialised twice. Borrowed, or null.
  [[nodiscard]] PyObject* find_module(void* library) {
    PyModuleDef* definition = nullptr;
    {
      const std::lock_guard lock(mutex_);
      const auto found = definitions_.find(library);
      if (found != definitions_.end()) definition = found->second;
    }
    return definition && definition->m_size == -1 ? PyState_FindModule(definition) : nullptr;
  }

 private:
  std::mutex mutex_;
  std::map<void*, PyModuleDef*> definitions_;
};

/// A module from single-phase initialisation: what CPython does with it after its init function.
py::Status complete(PyObject* module, void* library, PyObject* name, PyObject* path) {
  PyModuleDef* const definition = PyModule_GetDef(module);
  if (!definition) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "its init function made no module");
    return py::Status::error;
  }
  if (!PyState_FindModule(definition) && PyState_AddModule(module, definition) != 0) {
    return py::Status::error;
  }
  SinglePhase::instance().set(library, definition);
  const bool done = PyObject_SetAttrString(module, "__name__", name) == 0 &&
                    PyObject_SetAttrString(module, "__file__", path) == 0;
  return done ? py::Status::ok : py::Status::error;
}

/// The module of a copy; empty without an error if the file turns out to declare isolation, and
/// `may_be_shared`.
py::Ref initialize(void* library, PyObject* spec, PyObject* name, PyObject* path,
                   bool may_be_shared) {
  if (PyObject* const known = SinglePhase::instance().find_module(library)) {
    return py::Ref::borrow(known);
  }
  const std::string suffix = init_suffix(name);
  if (suffix.empty()) return {};
#if ATOLL_HAS_MODULE_SLOTS
  if (void* const found = dlsym(library, ("PyModExport" + suffix).c_str())) {
    const auto slots_of = reinterpret_cast<PySlot* (*)()>(found);
    const PySlot* const slots = py::guarded(slots_of);
    if (!slots) return refuse(name, path, "its export function returned NULL");
    if (may_be_shared && declaration_of(slots) == Declaration::isolated) return {};
    return isolated_module(slots, spec);
  }
#endif
  const std::string symbol = "PyInit" + suffix;
  const auto init = reinterpret_cast<PyObject* (*)()>(dlsym(library, symbol.c_str()));
  if (!init) return refuse(name, path, ("it has no function " + symbol).c_str());
  PyObject* const made = py::guarded(init);
  if (!made) {
    return refuse(name, path,
                  PyErr_Occurred() ? "its init function raised an exception"
                                   : "its init function returned NULL");
  }
  if (!PyObject_TypeCheck(made, &PyModuleDef_Type)) {
    py::Ref module = py::Ref::steal(made);
    if (PyErr_Occurred()) return refuse(name, path, "its init function left an exception behind");
    if (py::failed(complete(module.get(), library, name, path))) return {};
    return module;
  }
  auto* const definition = reinterpret_cast<PyModuleDef*>(made);
  if (may_be_shared && declaration_of(definition->m_slots) == Declaration::isolated) return {};
  declare_isolation(*definition);
  return py::Ref::steal(PyModule_FromDefAndSpec(definition, spec));
}

py::Ref create_private(Interpreter& self, PyObject* loader, PyObject* spec, PyObject* name,
                       PyObject* path, const char* file, bool may_be_shared) {
  void* library = nullptr;
  try {
    const py::Detached detached;
    library = open_private_copy(file, self);
  } catch (const std::exception& error) {
    return refuse(name, path, error.what());
  }
  const CheckScope check(true);
  if (!check) return {};
  py::Ref module = initialize(library, spec, name, path, may_be_shared);
  if (module && PyObject_SetAttrString(loader, mark, Py_True) != 0) return {};
  return module;
}

/// A module of the standard library, or of atoll's own: shared where it allows that.
bool is_standard(PyObject* name) {
  if (PyUnicode_CompareWithASCIIString(name, "atoll._atoll") == 0) return true;
  PyObject* const names = PySys_GetObject("stdlib_module_names");
  return names && PySet_Contains(names, name) == 1;
}

/// Bound to a loader: (create or exec of CPython's, loader, argument).
PyObject* create_module(PyObject* original, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) return PyErr_Format(PyExc_TypeError, "create_module() takes a spec");
  PyObject* const loader = args[0];
  PyObject* const spec = args[1];
  const InterpreterHandle self = Registry::instance().current();
  const py::Ref name = py::Ref::steal(PyObject_GetAttrString(spec, "name"));
  const py::Ref path = py::Ref::steal(name ? PyObject_GetAttrString(spec, "origin") : nullptr);
  if (!path) return nullptr;
  if (!PyUnicode_Check(name.get()) || !PyUnicode_Check(path.get())) {
    return PyObject_CallFunctionObjArgs(original, loader, spec, nullptr);
  }
  if (has_stand_in(name.get())) return make_stand_in(name.get()).release();
  const char* const file = PyUnicode_AsUTF8(path.get());
  if (!file) return nullptr;
  const bool is_own = is_standard(name.get());
  if (self->config().extensions == Extensions::automatic || is_own) {
    Declaration declaration = declaration_of(file);
    if (declaration == Declaration::unknown) {
      py::Ref module = create_private(*self, loader, spec, name.get(), path.get(), file, true);
      declaration = module || PyErr_Occurred() ? Declaration::other : Declaration::isolated;
      // An init function that fails once may succeed another time.
      if (!PyErr_Occurred()) set_declaration(file, declaration);
      if (declaration == Declaration::other) return module.release();
    }
    if (declaration == Declaration::isolated) {
      std::optional<CheckScope> check;
      if (initialising != 0 && !check.emplace(false)) return nullptr;
      return PyObject_CallFunctionObjArgs(original, loader, spec, nullptr);
    }
  }
  return create_private(*self, loader, spec, name.get(), path.get(), file, false).release();
}

/// uvloop sets signal.set_wakeup_fd() in every main thread, which interpreters have as well;
/// CPython refuses that in all but the main interpreter, and uvloop does not expect it. It takes
/// the function when its module is executed: while one lives, that is a harmless one.
class WakeupFdScope {
 public:
  explicit WakeupFdScope(PyObject* module) {
    const py::Ref name = py::Ref::steal(PyModule_GetNameObject(module));
    PyErr_Clear();
    if (!name || PyUnicode_CompareWithASCIIString(name.get(), "uvloop.loop") != 0) return;
    signal_ = py::Ref::steal(PyImport_ImportModule("signal"));
    if (!signal_) {
      PyErr_Clear();
      return;
    }
    static PyMethodDef harmless = {
        "set_wakeup_fd", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(ignore)),
        METH_VARARGS | METH_KEYWORDS, "There are no signals in this interpreter."};
    former_ = py::Ref::steal(PyObject_GetAttrString(signal_.get(), "set_wakeup_fd"));
    const py::Ref function = py::Ref::steal(PyCFunction_New(&harmless, nullptr));
    if (function) PyObject_SetAttrString(signal_.get(), "set_wakeup_fd", function.get());
    PyErr_Clear();
  }
  ~WakeupFdScope() {
    if (!former_) return;
    PyObject* const error = PyErr_GetRaisedException();
    PyObject_SetAttrString(signal_.get(), "set_wakeup_fd", former_.get());
    PyErr_Clear();
    PyErr_SetRaisedException(error);
  }
  WakeupFdScope(const WakeupFdScope&) = delete;
  WakeupFdScope& operator=(const WakeupFdScope&) = delete;

 private:
  static PyObject* ignore(PyObject*, PyObject*, PyObject*) { return PyLong_FromLong(-1); }

  py::Ref signal_;
  py::Ref former_;
};

PyObject* exec_module(PyObject* original, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) return PyErr_Format(PyExc_TypeError, "exec_module() takes a module");
  if (!PyObject_HasAttrString(args[0], mark)) {
    return PyObject_CallFunctionObjArgs(original, args[0], args[1], nullptr);
  }
  const WakeupFdScope signals(args[1]);
  const CheckScope check(true);
  return check ? PyObject_CallFunctionObjArgs(original, args[0], args[1], nullptr) : nullptr;
}

/// Of the importer of built-in modules, which has static methods.
PyObject* create_built_in(PyObject* original, PyObject* const* args, Py_ssize_t count) {
  if (count != 1) return PyErr_Format(PyExc_TypeError, "create_module() takes a spec");
  const py::Ref name = py::Ref::steal(PyObject_GetAttrString(args[0], "name"));
  if (name && PyUnicode_Check(name.get()) && has_stand_in(name.get())) {
    return make_stand_in(name.get()).release();
  }
  return name ? PyObject_CallOneArg(original, args[0]) : nullptr;
}

template <PyObject* (*Function)(PyObject*, PyObject* const*, Py_ssize_t)>
constexpr PyCFunction fast() {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(Function));
}

PyMethodDef create_hook = {"create_module", fast<create_module>(), METH_FASTCALL, nullptr};
PyMethodDef exec_hook = {"exec_module", fast<exec_module>(), METH_FASTCALL, nullptr};
PyMethodDef built_in_hook = {"create_module", fast<create_built_in>(), METH_FASTCALL, nullptr};

enum class MethodKind : unsigned char { instance, statics };

/// Puts a hook, bound to what was there, in the place of a method of a class of
/// importlib.machinery.
py::Status hook_method(PyObject* machinery, const char* class_name, PyMethodDef& hook,
                       MethodKind kind) {
  const py::Ref owner = py::Ref::steal(PyObject_GetAttrString(machinery, class_name));
  const py::Ref original =
      py::Ref::steal(owner ? PyObject_GetAttrString(owner.get(), hook.ml_name) : nullptr);
  py::Ref method = py::Ref::steal(original ? PyCFunction_New(&hook, original.get()) : nullptr);
  if (method && kind == MethodKind::instance) {
    // It gets the object as its first argument, as a plain C function would not.
    method = py::Ref::steal(PyInstanceMethod_New(method.get()));
  }
  return method && PyObject_SetAttrString(owner.get(), hook.ml_name, method.get()) == 0
             ? py::Status::ok
             : py::Status::error;
}

}  // namespace

py::Status install_import_hook(Interpreter& self) {
  const Config& config = self.config();
  if (config.extensions == Extensions::declared || !config.check_multi_interp_extensions) {
    return py::Status::ok;
  }
  const py::Ref machinery = py::Ref::steal(PyImport_ImportModule("importlib.machinery"));
  const bool done = machinery &&
                    !py::failed(hook_method(machinery.get(), "BuiltinImporter", built_in_hook,
                                            MethodKind::statics)) &&
                    !py::failed(hook_method(machinery.get(), "ExtensionFileLoader", create_hook,
                                            MethodKind::instance)) &&
                    !py::failed(hook_method(machinery.get(), "ExtensionFileLoader", exec_hook,
                                            MethodKind::instance));
  return done ? py::Status::ok : py::Status::error;
}

}  // namespace libatoll::runtime::extensions
