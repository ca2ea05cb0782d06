// Which types beyond the built-in ones an encoder knows: type object -> what to do with it.
#pragma once

#include <Python.h>

#include <cstdint>
#include <vector>

namespace libatoll::transfer {

enum class TypeKind : std::uint8_t {
  unknown,
  date,
  time,
  datetime,
  timedelta,
  timezone,
  uuid,
  decimal,
  path,       ///< index: which class
  extension,  ///< index: tag
  registered,
};

struct TypeEntry {
  PyTypeObject* type = nullptr;
  TypeKind kind = TypeKind::unknown;
  std::uint8_t index = 0;
};

/// Holds no references: whoever adds a type keeps it alive as long as the table.
class TypeTable {
 public:
  [[nodiscard]] TypeEntry find(PyTypeObject* type) const noexcept {
    if (entries_.empty()) return {};
    for (std::size_t slot = hash(type);; slot = (slot + 1) & (entries_.size() - 1)) {
      if (entries_[slot].type == type) return entries_[slot];
      if (!entries_[slot].type) return {};
    }
  }

  void add(TypeEntry entry) {
    if (entries_.empty()) entries_.resize(32);
    if ((used_ + 1) * 2 > entries_.size()) {
      std::vector<TypeEntry> old(entries_.size() * 2);
      old.swap(entries_);
      used_ = 0;
      for (const TypeEntry& each : old) {
        if (each.type) place(each);
      }
    }
    place(entry);
  }

 private:
  [[nodiscard]] std::size_t hash(const PyTypeObject* type) const noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(type) >> 4;
    return (bits ^ (bits >> 7)) & (entries_.size() - 1);
  }

  void place(TypeEntry entry) {
    std::size_t slot = hash(entry.type);
    while (entries_[slot].type && entries_[slot].type != entry.type) {
      slot = (slot + 1) & (entries_.size() - 1);
    }
    if (!entries_[slot].type) ++used_;
    entries_[slot] = entry;
  }

  std::vector<TypeEntry> entries_;
  std::size_t used_ = 0;
};

}  // namespace libatoll::transfer
