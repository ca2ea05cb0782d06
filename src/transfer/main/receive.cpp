// The receiver's side: stand-ins, and the bindings that are new to them.
#include <utility>

#include "transfer/base/errors.hpp"
#include "transfer/code/functions.hpp"
#include "transfer/context/impl.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/main/main_table.hpp"
#include "transfer/main/names.hpp"
#include "transfer/pickle/in_progress.hpp"
#include "transfer/pickle/support.hpp"
#include "transfer/value_or_pickle.hpp"

namespace libatoll::transfer {
namespace {

py::Ref decode_message(Context& context, const core::Message& message) {
  Decoder decoder(context, message, false);
  return read_value(decoder);
}

/// Calls what the state of a definition begins with.
py::Status finish(Context& context, const BindingRecord& record, PyObject* object) {
  const py::Ref state = decode_message(context, record.state());
  if (!state) return py::Status::error;
  if (!PyTuple_CheckExact(state.get()) || PyTuple_GET_SIZE(state.get()) != 2) {
    raise_corrupted();
    return py::Status::error;
  }
  return py::Ref::steal(PyObject_CallFunctionObjArgs(PyTuple_GET_ITEM(state.get(), 0), object,
                                                     PyTuple_GET_ITEM(state.get(), 1), nullptr))
             ? py::Status::ok
             : py::Status::error;
}

/// Gives all that was made its state, and what this makes in turn. A base was made before what is
/// derived from it.
py::Status finish_all(Context& context, Installation& installation) {
  for (std::size_t i = 0; i < installation.unfinished.size(); ++i) {
    const auto [record, object] = installation.unfinished[i];
    if (py::failed(finish(context, *record, object.get()))) return py::Status::error;
  }
  installation.unfinished.clear();
  return py::Status::ok;
}

}  // namespace

MainSpace* MainTable::stand_in(Context& context, MainSnapshot& snapshot) {
  if (const auto known = spaces_.find(snapshot.home()); known != spaces_.end()) {
    return known->second.get();
  }
  const Lock lock(context);
  if (!lock) return nullptr;
  if (const auto known = spaces_.find(snapshot.home()); known != spaces_.end()) {
    return known->second.get();
  }
  const MainProgram& program = *snapshot.program();
  const auto home = py::Ref::steal(PyLong_FromLongLong(snapshot.home()));
  const py::Ref file = to_text(program.file);
  const py::Ref package = to_text(program.package);
  const py::Ref source = to_text(program.source);
  const auto code = py::Ref::steal(
      PyBytes_FromStringAndSize(program.code.data(), static_cast<Py_ssize_t>(program.code.size())));
  if (!home || !file || !package || !source || !code) return nullptr;
  auto space = std::make_unique<MainSpace>();
  space->home = snapshot.home();
  space->program = snapshot.program();
  space->module = call_support(context, "make_stand_in", home.get(), file.get(), package.get(),
                               source.get(), code.get());
  if (!space->module || !PyModule_Check(space->module.get())) return nullptr;
  // What the script has bound is not what code here has bound.
  Py_ssize_t position = 0;
  PyObject* name;
  PyObject* value;
  while (PyDict_Next(space->globals(), &position, &name, &value)) {
    const char* const text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : nullptr;
    if (!text) {
      PyErr_Clear();
      continue;
    }
    space->entries[text].object = py::Ref::borrow(value);
  }
  return (spaces_[snapshot.home()] = std::move(space)).get();
}

py::Status MainTable::install_one(Context& context, MainSpace& space,
                                  const core::Handle<BindingRecord>& record) {
  const py::Ref name = to_text(record->name());
  if (!name) return py::Status::error;
  const std::uint64_t former = std::exchange(space.entries[record->name()].newest, record->id());
  py::Ref value = decode_message(context, record->value());
  MainEntry& entry = space.entries[record->name()];
  if (!value) {
    entry.newest = former;
    return py::Status::error;
  }
  if (record->is_definition()) {
    note_definition(space, record->id(), value.get());
    InProgress<Installation>::current()->unfinished.emplace_back(record, value);
  }
  const auto here = py::Ref::borrow(PyDict_GetItemWithError(space.globals(), name.get()));
  if (PyErr_Occurred()) return py::Status::error;
  // Bound here meanwhile: that lasts.
  const bool is_own = here && here.get() != entry.object.get();
  entry.object = value;
  entry.record = record;
  space.sent.clear();  // snapshots of what was here before
  return is_own || PyDict_SetItem(space.globals(), name.get(), value.get()) == 0
             ? py::Status::ok
             : py::Status::error;
}

py::Status MainTable::install(Context& context, MainSpace& space, MainSnapshot& snapshot) {
  if (space.installed == snapshot.id()) return py::Status::ok;
  const Lock lock(context);
  if (!lock) return py::Status::error;
  Installation* const outer = InProgress<Installation>::current();
  if (outer && &outer->snapshot == &snapshot) return py::Status::ok;  // under way, in this thread
  Installation installation{snapshot, {}};
  const InProgress<Installation> in_progress(installation);
  const auto is_new = [&space](const BindingRecord& record) {
    return space.entries[record.name()].newest < record.id();
  };
  const auto fail = [&] {
    // What lacks its state is made again by the next message that needs it.
    for (const auto& [made, object] : installation.unfinished) {
      space.entries[made->name()].newest = 0;
    }
    return py::Status::error;
  };
  // Functions and classes first: other values may need them complete.
  for (const bool definitions : {true, false}) {
    for (const core::Handle<BindingRecord>& record : snapshot.bindings()) {
      if (record->is_definition() != definitions || !is_new(*record)) continue;
      if (py::failed(install_one(context, space, record))) return fail();
    }
    if (py::failed(finish_all(context, installation))) return fail();
  }
  space.installed = snapshot.id();
  return py::Status::ok;
}

py::Ref MainTable::root_object(Context& context, MainSpace& space, MainSnapshot& snapshot,
                               std::string_view name) {
  const auto* const record = snapshot.find(name);
  if (record) {
    const auto entry = space.entries.find(std::string(name));
    const bool is_current = entry != space.entries.end() && entry->second.record &&
                            entry->second.record->id() == (*record)->id();
    if (is_current && entry->second.object) return entry->second.object;
    // Sent before the name was bound anew.
    if (const auto known = space.definitions.find((*record)->id());
        known != space.definitions.end()) {
      auto object = py::Ref::steal(PyObject_CallNoArgs(known->second.get()));
      if (!object || object.get() != Py_None) return object;
    }
    if (!space.script) {
      // A stand-in has a later one by now.
      const Lock lock(context);
      if (!lock) return {};
      Installation installation{snapshot, {}};
      const InProgress<Installation> in_progress(installation);
      py::Ref object = decode_message(context, (*record)->value());
      if (!object) return {};
      if ((*record)->is_definition()) {
        note_definition(space, (*record)->id(), object.get());
        installation.unfinished.emplace_back(*record, object);
      }
      return py::failed(finish_all(context, installation)) ? py::Ref() : object;
    }
  }
  const py::Ref text = to_text(name);
  if (!text) return {};
  if (PyObject* const found = PyDict_GetItemWithError(space.globals(), text.get())) {
    return py::Ref::borrow(found);
  }
  if (!PyErr_Occurred()) {
    PyErr_Format(PyExc_AttributeError, "%R has no attribute %R (any more)", space.module.get(),
                 text.get());
  }
  return {};
}

py::Ref MainTable::resolve(Context& context, MainSnapshot& snapshot, PyObject* qualname) {
  Py_ssize_t size;
  const char* const text = PyUnicode_AsUTF8AndSize(qualname, &size);
  if (!text) return {};
  const std::string_view whole(text, static_cast<std::size_t>(size));
  const std::string_view root = root_of(whole);
  MainSpace* space;
  if (snapshot.home() == current_home()) {
    space = own(context);
    if (!space) return {};
  } else {
    space = stand_in(context, snapshot);
    if (!space) return {};
    Installation* const outer = InProgress<Installation>::current();
    if (outer && &outer->snapshot == &snapshot) {
      // From one binding to another, which may come later in the list.
      const auto* const record = snapshot.find(root);
      if (record && space->entries[(*record)->name()].newest < (*record)->id() &&
          py::failed(install_one(context, *space, *record))) {
        return {};
      }
    } else if (py::failed(install(context, *space, snapshot))) {
      return {};
    }
  }
  py::Ref found = root_object(context, *space, snapshot, root);
  if (!found || root.size() == whole.size()) return found;
  const py::Ref rest = to_text(whole.substr(root.size() + 1));
  return rest ? resolve_qualname(found.get(), rest.get()) : py::Ref();
}

py::Ref MainTable::resolve_in_file(Context& context, MainSnapshot& snapshot, PyObject* qualname) {
  py::Ref found = resolve(context, snapshot, qualname);
  if (found || snapshot.program()->file.empty() || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
    return found;
  }
  PyErr_Clear();
  const Lock lock(context);
  const py::Ref file = to_text(snapshot.program()->file);
  const py::Ref package = to_text(snapshot.program()->package);
  if (!lock || !file || !package) return {};
  const py::Ref module = call_support(context, "run_file", file.get(), package.get());
  return module ? resolve_qualname(module.get(), qualname) : py::Ref();
}

PyObject* MainTable::globals(Context& context, MainSnapshot& snapshot) {
  if (snapshot.home() == current_home()) {
    MainSpace* const space = own(context);
    return space ? space->globals() : nullptr;
  }
  MainSpace* const space = stand_in(context, snapshot);
  if (!space || py::failed(install(context, *space, snapshot))) return nullptr;
  return space->globals();
}

}  // namespace libatoll::transfer
