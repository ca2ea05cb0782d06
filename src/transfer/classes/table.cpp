#include "transfer/classes/table.hpp"

#include "transfer/classes/facts.hpp"
#include "transfer/context/impl.hpp"

namespace libatoll::transfer {
namespace {

int on_change(PyTypeObject* type) {
  if (Context* const context = find_current()) context->impl().classes.forget(type);
  return 0;
}

/// copyreg.dispatch_table, borrowed; null without an error as long as nobody has imported copyreg.
PyObject* dispatch_table(StdlibTypes& types) {
  if (!types.dispatch_table) {
    PyObject* const copyreg = PyDict_GetItemString(PyImport_GetModuleDict(), "copyreg");
    if (!copyreg) return nullptr;
    auto table = py::Ref::steal(PyObject_GetAttrString(copyreg, "dispatch_table"));
    PyErr_Clear();
    if (table && PyDict_Check(table.get())) types.dispatch_table.set_once(std::move(table));
  }
  return types.dispatch_table.get();
}

}  // namespace

const ClassFacts* ClassTable::find(Context& context, PyTypeObject* type) {
  PyObject* const reducers = dispatch_table(context.impl().stdlib_types);
  const Py_ssize_t count = reducers ? PyDict_GET_SIZE(reducers) : 0;
  if (count == reducers_ && latest_ && latest_->type.get() == reinterpret_cast<PyObject*>(type) &&
      !latest_->is_stale) {
    return latest_;
  }
  if (count != reducers_) {
    for (auto& [each, facts] : known_) facts->is_stale = true;
    reducers_ = count;
  }
  std::unique_ptr<ClassFacts>& facts = known_[type];
  if (facts && facts->is_stale) retired_.push_back(std::move(facts));
  if (!facts) {
    if (watcher_ < 0) watcher_ = PyType_AddWatcher(on_change);
    auto made = std::make_unique<ClassFacts>();
    // Before it is looked at: what changes meanwhile is noticed.
    if (watcher_ < 0 || PyType_Watch(watcher_, reinterpret_cast<PyObject*>(type)) < 0) {
      PyErr_Clear();  // nobody would tell of changes
    } else {
      examine(context, type, *made);
      const int listed =
          reducers ? PyDict_Contains(reducers, reinterpret_cast<PyObject*>(type)) : 0;
      if (listed < 0) PyErr_Clear();
      // A class that changes all the time gets no more version tags, and cannot be watched.
      if (listed != 0 || !PyUnstable_Type_AssignVersionTag(type)) made->carriage = Carriage::none;
    }
    made->type = py::Ref::borrow(reinterpret_cast<PyObject*>(type));
    // Examining may have run Python code that came here.
    std::unique_ptr<ClassFacts>& place = known_[type];
    if (place) retired_.push_back(std::move(place));
    place = std::move(made);
    return latest_ = place.get();
  }
  return latest_ = facts.get();
}

void ClassTable::set_registered(PyTypeObject* type, py::Ref encode, py::Ref decode) {
  if (const auto found = registered_.find(type); found != registered_.end()) {
    retired_.push_back(std::move(found->second));
    registered_.erase(found);
  }
  if (encode) {
    auto facts = std::make_unique<ClassFacts>();
    facts->type = py::Ref::borrow(reinterpret_cast<PyObject*>(type));
    facts->carriage = Carriage::registered;
    facts->encode = std::move(encode);
    facts->decode = std::move(decode);
    registered_.emplace(type, std::move(facts));
  }
  if (users_ == 0) tidy();
}

void ClassTable::forget(PyTypeObject* type) noexcept {
  if (const auto found = known_.find(type); found != known_.end() && found->second) {
    found->second->is_stale = true;
  }
}

void ClassTable::tidy() noexcept {
  if (retired_.empty() && known_.size() <= most) return;
  latest_ = nullptr;
  // Classes that go may run Python code, which may come here.
  const auto retired = std::exchange(retired_, {});
  Map known;
  if (known_.size() > most) known.swap(known_);
}

}  // namespace libatoll::transfer
