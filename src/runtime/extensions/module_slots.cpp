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

}  // namespace

Declaration declaration_of(const PySlot* slots) noexcept {
  bool is_isolated = false;
  each_slot(slots, [&](const PySlot& slot) {
    if (slot.sl_id == Py_mod_slots) {
      const auto* const older = static_cast<const PyModuleDef_Slot*>(slot.sl_ptr);
      is_isolated |= declaration_of(older) == Declaration::isolated;
    } else if (is_interpreters_slot(slot.sl_id)) {
      is_isolated |= slot.sl_ptr == Py_MOD_PER_INTERPRETER_GIL_SUPPORTED;
    }
  });
  return is_isolated ? Declaration::isolated : Declaration::other;
}

py::Ref isolated_module(const PySlot* slots, PyObject* spec) {
  std::vector<PySlot> kept;
  each_slot(slots, [&](const PySlot& slot) {
    if (is_interpreters_slot(slot.sl_id)) return;
    kept.push_back(slot);
    if (slot.sl_id == Py_mod_slots) {
      auto older = without_declaration(static_cast<const PyModuleDef_Slot*>(slot.sl_ptr));
      older.push_back({0, nullptr});
      kept.back().sl_ptr = kept_for_good(older);
    }
  });
  kept.push_back(PySlot_DATA(Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED));
  kept.push_back(PySlot_END);
  return py::Ref::steal(PyModule_FromSlotsAndSpec(kept_for_good(kept), spec));
}

#endif

}  // namespace libatoll::runtime::extensions
