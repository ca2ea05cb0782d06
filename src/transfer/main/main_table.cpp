// The sender's side: which bindings a definition needs, and whether they have changed.
#include "transfer/main/main_table.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_set>

#include "transfer/base/errors.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/main/names.hpp"
#include "transfer/main/python_functions.hpp"
#include "transfer/pickle/pickle.hpp"
#include "transfer/pickle/support.hpp"
#include "transfer/value_or_pickle.hpp"

namespace libatoll::transfer {
namespace {

/// Values whose message is no longer than that are compared each time they are sent.
constexpr std::size_t largest_compared = 4096;

bool has_function_parts(const MainEntry& entry, PyObject* value) noexcept {
  if (!PyFunction_Check(value)) return true;
  auto* const function = reinterpret_cast<PyFunctionObject*>(value);
  return entry.code.get() == function->func_code &&
         entry.defaults.get() == function->func_defaults &&
         entry.kwdefaults.get() == function->func_kwdefaults;
}

void note_function_parts(MainEntry& entry, PyObject* value) noexcept {
  if (!PyFunction_Check(value)) return;
  auto* const function = reinterpret_cast<PyFunctionObject*>(value);
  entry.code = py::Ref::borrow(function->func_code);
  entry.defaults = py::Ref::borrow(function->func_defaults);
  entry.kwdefaults = py::Ref::borrow(function->func_kwdefaults);
}

bool may_change(PyObject* value) noexcept {
  PyTypeObject* const type = Py_TYPE(value);
  return value != Py_None && type != &PyBool_Type && type != &PyLong_Type &&
         type != &PyFloat_Type && type != &PyComplex_Type && type != &PyUnicode_Type &&
         type != &PyBytes_Type && type != &PyRange_Type && !PyModule_Check(value) &&
         !PyCallable_Check(value);
}

/// What a stand-in has of its own, as every module.
bool is_of_module(std::string_view name) noexcept {
  constexpr std::string_view names[] = {"__name__", "__file__",   "__package__", "__builtins__",
                                        "__spec__", "__loader__", "__cached__",  "__annotations__"};
  return std::ranges::find(names, name) != std::end(names);
}

bool same_bytes(const core::Message& a, const core::Message& b) noexcept {
  return std::ranges::equal(a.bytes(), b.bytes());
}

/// A method of the Script that answers a question about a global; negative with an error set.
int ask(const MainSpace& space, const char* question, const std::string& name, PyObject* value) {
  const py::Ref text = to_text(name);
  const auto method = py::Ref::steal(PyObject_GetAttrString(space.script.get(), question));
  if (!text || !method) return -1;
  const auto answer =
      py::Ref::steal(PyObject_CallFunctionObjArgs(method.get(), text.get(), value, nullptr));
  return answer ? PyObject_IsTrue(answer.get()) : -1;
}

py::Status append_texts(PyObject* list, std::vector<std::string>& out) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    const char* const text = PyUnicode_AsUTF8(PyList_GET_ITEM(list, i));
    if (!text) return py::Status::error;
    out.emplace_back(text);
  }
  return py::Status::ok;
}

}  // namespace

MainTable::Lock::Lock(Context& context) {
  lock_ = py::Ref::borrow(pickle_support(context, "main_lock"));
  if (!lock_) return;
  locked_ = static_cast<bool>(py::Ref::steal(PyObject_CallMethod(lock_.get(), "acquire", nullptr)));
}

MainTable::Lock::~Lock() {
  if (!locked_) return;
  PyObject* const error = PyErr_GetRaisedException();
  Py_XDECREF(PyObject_CallMethod(lock_.get(), "release", nullptr));
  PyErr_Clear();
  PyErr_SetRaisedException(error);
}

MainSpace* MainTable::own(Context& context) {
  PyObject* const module =
      PyDict_GetItemWithError(PyImport_GetModuleDict(), context.impl().names.main.get());
  if (!module || !PyModule_Check(module)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "there is no module __main__");
    return nullptr;
  }
  const std::int64_t id = current_home();
  std::unique_ptr<MainSpace>& space = spaces_[id];
  if (!space || space->module.get() != module) {
    space = std::make_unique<MainSpace>();
    space->home = id;
    space->module = py::Ref::borrow(module);
  }
  return space.get();
}

MainSpace* MainTable::find(Context& context, std::int64_t home) {
  if (home == current_home()) return own(context);
  if (const auto found = spaces_.find(home); found != spaces_.end()) return found->second.get();
  PyErr_Format(PyExc_RuntimeError, "nothing of the __main__ of interpreter %lld is here",
               static_cast<long long>(home));
  return nullptr;
}

bool MainTable::find_stand_in(PyObject* module_name, std::int64_t& home) const noexcept {
  if (PyUnicode_GET_LENGTH(module_name) == 0 || PyUnicode_READ_CHAR(module_name, 0) != '<') {
    return false;
  }
  for (const auto& [id, space] : spaces_) {
    const auto name = py::Ref::steal(PyModule_GetNameObject(space->module.get()));
    if (name && PyUnicode_Compare(name.get(), module_name) == 0) {
      home = id;
      return true;
    }
  }
  PyErr_Clear();
  return false;
}

MainTable::FileStamp MainTable::stamp_of(PyObject* main_module) noexcept {
  PyObject* const file = PyDict_GetItemString(PyModule_GetDict(main_module), "__file__");
  const char* const path = file && PyUnicode_Check(file) ? PyUnicode_AsUTF8(file) : nullptr;
  PyErr_Clear();
  struct stat found {};
  if (!path || stat(path, &found) != 0) return {};
  return {found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_size};
}

void MainTable::note_file(PyObject* main_module) noexcept {
  noted_ = stamp_of(main_module);
}

py::Status MainTable::load_script(Context& context, MainSpace& space) {
  if (space.program && !space.script) return py::Status::ok;  // a stand-in
  const auto is_current = [&space] {
    PyObject* const file = PyDict_GetItemString(space.globals(), "__file__");
    const char* const text = file && PyUnicode_Check(file) ? PyUnicode_AsUTF8(file) : "";
    return text && space.program->file == text;
  };
  if (space.program && is_current()) return py::Status::ok;
  PyErr_Clear();
  space.entries.clear();  // a `__main__` may serve several scripts in turn
  space.sent.clear();
  const FileStamp now = stamp_of(space.module.get());
  const bool is_the_same = noted_.size < 0 || now.size < 0 || now == noted_;
  py::Ref script =
      call_support(context, "Script", space.module.get(), is_the_same ? Py_True : Py_False);
  const auto get = [&script](const char* name) {
    return py::Ref::steal(script ? PyObject_GetAttrString(script.get(), name) : nullptr);
  };
  const py::Ref file = get("file");
  const py::Ref package = get("package");
  const py::Ref source = get("source");
  const py::Ref code = get("code");
  const char* const file_text = file ? PyUnicode_AsUTF8(file.get()) : nullptr;
  const char* const package_text = package ? PyUnicode_AsUTF8(package.get()) : nullptr;
  const char* const source_text = source ? PyUnicode_AsUTF8(source.get()) : nullptr;
  if (!file_text || !package_text || !source_text || !code || !PyBytes_Check(code.get())) {
    return py::Status::error;
  }
  auto program = core::Handle<MainProgram>::make();
  program->file = file_text;
  program->package = package_text;
  program->source = source_text;
  program->code.assign(PyBytes_AS_STRING(code.get()),
                       static_cast<std::size_t>(PyBytes_GET_SIZE(code.get())));
  space.script = std::move(script);
  space.program = std::move(program);
  return py::Status::ok;
}

bool MainTable::is_unchanged(const MainSpace& space, const MainSpace::Sent& sent) const noexcept {
  if (!sent.may_be_used_again) return false;
  for (const auto& [name, entry] : sent.globals) {
    PyObject* const value = PyDict_GetItemWithError(space.globals(), name.get());
    if (!value || value != entry->object.get() || !has_function_parts(*entry, value)) {
      PyErr_Clear();
      return false;
    }
  }
  return true;
}

core::Handle<MainSnapshot> MainTable::snapshot(Context& context, MainSpace& space,
                                               std::span<const std::string> names) {
  const bool is_single = names.size() == 1;
  if (is_single) {
    const auto known = space.sent.find(names.front());
    if (known != space.sent.end() && is_unchanged(space, known->second)) {
      return known->second.snapshot;
    }
  }
  const Lock lock(context);
  if (!lock || py::failed(load_script(context, space))) return {};
  MainSpace::Sent made;
  made.may_be_used_again = true;
  std::vector<core::Handle<BindingRecord>> bindings;
  std::vector<std::string> waiting(names.rbegin(), names.rend());
  std::unordered_set<std::string> met;
  while (!waiting.empty()) {
    const std::string given = std::move(waiting.back());
    waiting.pop_back();
    const bool is_soft = given.starts_with('?');
    const std::string name(given, is_soft ? 1 : 0);
    if (is_of_module(name) || !met.insert(name).second) continue;
    py::Ref text = to_text(name);
    if (!text) return {};
    const auto value = py::Ref::borrow(PyDict_GetItemWithError(space.globals(), text.get()));
    if (!value) {
      if (PyErr_Occurred()) return {};
      made.may_be_used_again = false;  // it may be bound by then
      continue;
    }
    MainEntry& entry = space.entries[name];
    const bool is_root = met.size() <= names.size();
    if (py::failed(update(context, space, name, value.get(), entry, is_root, is_soft))) return {};
    made.may_be_used_again = made.may_be_used_again && !entry.is_compared;
    made.globals.emplace_back(std::move(text), &entry);
    if (entry.record) bindings.push_back(entry.record);
    const std::vector<std::string>& needs = entry.record ? entry.record->needs() : entry.needs;
    for (const std::string& need : needs) {
      // What only a soft one needs is soft as well.
      waiting.push_back(is_soft && !need.starts_with('?') ? '?' + need : need);
    }
  }
  if (is_single) {
    MainSpace::Sent& known = space.sent[names.front()];
    if (known.snapshot && known.snapshot->bindings() == bindings) {
      made.snapshot = known.snapshot;
    }
    if (!made.snapshot) {
      made.snapshot =
          core::Handle<MainSnapshot>::make(space.home, space.program, std::move(bindings));
    }
    known = std::move(made);
    return known.snapshot;
  }
  return core::Handle<MainSnapshot>::make(space.home, space.program, std::move(bindings));
}

py::Status MainTable::update(Context& context, MainSpace& space, const std::string& name,
                             PyObject* value, MainEntry& entry, bool is_root, bool is_soft) {
  const bool is_same =
      entry.object.get() == value && (!space.script || has_function_parts(entry, value));
  if (is_same && !entry.is_compared && (entry.record || space.script)) return py::Status::ok;
  if (!is_same) {
    entry.object = py::Ref::borrow(value);
    entry.record = nullptr;
    entry.needs.clear();
    entry.is_compared = false;
    note_function_parts(entry, value);
  }
  const auto fail = [&entry] {
    entry.object.reset();
    return py::Status::error;
  };
  // Own: what others make themselves, by running the script. In a stand-in: what was bound here is
  // of no use elsewhere, unless it is asked for.
  const bool is_of_script = is_same && !entry.record && entry.newest == 0;
  const int is_made = space.script ? ask(space, "makes", name, value) : !is_root || is_of_script;
  if (is_made < 0) return fail();
  if (is_made) {
    const py::Ref used = call_support(context, "names_used", value, space.globals());
    entry.needs.clear();
    return used && !py::failed(append_texts(used.get(), entry.needs)) ? py::Status::ok : fail();
  }
  core::Handle<BindingRecord> record = make_record(context, space, name, value);
  if (!record) {
    if (error_must_pass()) return fail();
    const bool is_searched = can_be_searched(context);
    const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
    const int is_optional = is_soft        ? 1
                            : space.script ? ask(space, "does_without", name, nullptr)
                                           : !is_root;
    if (is_optional < 0) return fail();
    if (is_optional) return py::Status::ok;
    std::string path = name;
    if (is_searched) (void)find_culprit(context, value, Mode::any_by_value, path);
    PyErr_SetRaisedException(Py_NewRef(error.get()));
    raise_not_shareable(context, "the global " + path + " of __main__ cannot be sent");
    return fail();
  }
  if (entry.record && same_bytes(entry.record->value(), record->value())) return py::Status::ok;
  entry.is_compared = may_change(value) && record->value().attachment_count() == 0 &&
                      record->value().bytes().size() <= largest_compared;
  if (record->is_definition()) note_definition(space, record->id(), value);
  entry.record = std::move(record);
  return py::Status::ok;
}

core::Handle<BindingRecord> MainTable::make_record(Context& context, MainSpace& space,
                                                   const std::string& name, PyObject* value) {
  std::vector<std::string> needs;
  core::Message messages[2];
  if (PyFunction_Check(value) || PyType_Check(value)) {
    GlobalName found;
    const bool has_name = find_global_name(context, value, found);
    const py::Ref text = to_text(name);
    if (!text) return {};
    if (has_name && found.in_main && PyUnicode_Compare(found.qualname, text.get()) != 0) {
      // Another name for it: the one object, here as there.
      Encoder encoder(context, Mode::any_by_value);
      encoder.collect(space, needs);
      if (py::failed(write_pickle(encoder, value))) return {};
      return core::Handle<BindingRecord>::make(name, encoder.finish(), core::Message(),
                                               std::move(needs));
    }
    if (!has_name || found.in_main) {
      // The function or class without its state, then the state.
      py::Ref parts;
      for (Py_ssize_t i = 0; i < 2; ++i) {
        Encoder encoder(context, Mode::any_by_value);
        encoder.collect(space, needs);
        encoder.set_root(value, name);
        if (i == 0) {
          parts = split_definition(encoder, value, text.get());
          if (!parts || !PyTuple_Check(parts.get())) return {};
        }
        if (py::failed(write_pickle(encoder, PyTuple_GET_ITEM(parts.get(), i)))) return {};
        messages[i] = encoder.finish();
      }
      return core::Handle<BindingRecord>::make(name, std::move(messages[0]), std::move(messages[1]),
                                               std::move(needs));
    }
  }
  Encoder encoder(context, Mode::any_by_value);
  encoder.collect(space, needs);
  encoder.set_root(value, {});
  if (py::failed(write_value(encoder, value, {}))) return {};
  return core::Handle<BindingRecord>::make(name, encoder.finish(), core::Message(),
                                           std::move(needs));
}

void MainTable::note_definition(MainSpace& space, std::uint64_t id, PyObject* object) {
  constexpr std::size_t swept_each = 256;
  if (space.definitions.size() % swept_each == swept_each - 1) {
    std::erase_if(space.definitions, [](const auto& each) {
      const auto alive = py::Ref::steal(PyObject_CallNoArgs(each.second.get()));
      return !alive || alive.get() == Py_None;
    });
  }
  auto reference = py::Ref::steal(PyWeakref_NewRef(object, nullptr));
  if (reference) space.definitions[id] = std::move(reference);
  PyErr_Clear();
}

}  // namespace libatoll::transfer
