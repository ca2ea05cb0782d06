#include "runtime/extensions/module_slots.hpp"

#include <vector>

namespace libatoll::runtime::extensions {

#if ATOLL_HAS_MODULE_SLOTS

namespace {

/// Visits the slots, those in nested arrays as well.
template <class Visit>
void each_slot(const PySlot* slots, Visit visit) {
  for (const PySlot* slot = slots; slot && slot->sl_id != 0; ++slot) {
    if (slot->sl_id == Py_slot_subslots) {
      each_slot(static_cast<const PySlot*>(slot->sl_ptr), visit);
    } else {
      visit(*slot);
    }
  }
}

/// The older kind of slots, without what they say about interpreters. As long-lived as the copy.
PyModuleDef_Slot* without_declaration(const PyModuleDef_Slot* slots) {
  std::vector<PyModuleDef_Slot> kept;
  for (; slots && slots->slot != 0; ++slots) {
    if (!is_interpreters_slot(slots->slot)) kept.push_back(*slots);
  }
  kept.push_back({0, nullptr});
  auto* const out = new PyModuleDef_Slot[kept.size()];
  std::copy(kept.begin(), kept.end(), out);
  return out;
}

}  // namespace

Declaration declaration_of(const PySlot* slots) noexcept {
  Declaration found = Declaration::other;
  const auto look = [&found](int id, const void* value) {
    if (is_interpreters_slot(id) && value == Py_MOD_PER_INTERPRETER_GIL_SUPPORTED) {
      found = Declaration::isolated;
    }
  };
  each_slot(slots, [&](const PySlot& slot) {
    if (slot.sl_id != Py_mod_slots) return look(slot.sl_id, slot.sl_ptr);
    const auto* older = static_cast<const PyModuleDef_Slot*>(slot.sl_ptr);
    for (; older && older->slot != 0; ++older) look(older->slot, older->value);
  });
  return found;
}

py::Ref isolated_module(const PySlot* slots, PyObject* spec) {
  std::vector<PySlot> kept;
  each_slot(slots, [&](const PySlot& slot) {
    if (is_interpreters_slot(slot.sl_id)) return;
    kept.push_back(slot);
    if (slot.sl_id == Py_mod_slots) {
      kept.back().sl_ptr = without_declaration(static_cast<const PyModuleDef_Slot*>(slot.sl_ptr));
    }
  });
  kept.push_back(PySlot_DATA(Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED));
  kept.push_back(PySlot_END);
  // As long-lived as the copy: the module may refer to it.
  auto* const all = new PySlot[kept.size()];
  std::copy(kept.begin(), kept.end(), all);
  return py::Ref::steal(PyModule_FromSlotsAndSpec(all, spec));
}

#endif

}  // namespace libatoll::runtime::extensions
