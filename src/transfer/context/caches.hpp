// Small bounded caches of an interpreter: keys of records, code that arrived, scripts that left.
#pragma once

#include <Python.h>

#include <array>
#include <cstdint>
#include <memory>

#include "core/base/object.hpp"
#include "py/ref.hpp"
#include "transfer/code/record.hpp"

namespace libatoll::transfer {

/// str objects for short latin-1 texts that stand as dict keys: records repeat them, and a key
/// found here needs no allocation and has its hash.
class KeyCache {
 public:
  static constexpr std::size_t longest = 40;

  KeyCache() = default;
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;
  ~KeyCache();

  /// `length` <= longest. A new reference, or null with an error set.
  [[nodiscard]] PyObject* get(const char* text, std::size_t length);

 private:
  static constexpr std::size_t slots = 1024;
  std::unique_ptr<std::array<PyObject*, slots>> table_;
};

/// Code objects made here from code records, by record id. Ids are handed out in sequence, so the
/// last `slots` records never displace each other.
class CodeCache {
 public:
  [[nodiscard]] PyObject* find(std::uint64_t id) const noexcept {
    const Entry& entry = entries_[id % slots];
    return entry.id == id ? entry.code.get() : nullptr;
  }
  void store(std::uint64_t id, py::Ref code) { entries_[id % slots] = {id, std::move(code)}; }

 private:
  static constexpr std::size_t slots = 256;
  struct Entry {
    std::uint64_t id = 0;
    py::Ref code;
  };
  std::array<Entry, slots> entries_;
};

/// Compiled scripts, by source text (exact str or bytes).
class ScriptCache {
 public:
  /// Longer sources are compiled each time, so that the cache stays small.
  static constexpr Py_ssize_t longest = 64 * 1024;

  [[nodiscard]] core::Handle<CodeRecord> find(PyObject* source, Py_hash_t hash) const noexcept;
  void store(PyObject* source, Py_hash_t hash, core::Handle<CodeRecord> record);

 private:
  static constexpr std::size_t slots = 64;
  struct Entry {
    py::Ref source;
    Py_hash_t hash = 0;
    core::Handle<CodeRecord> record;
  };
  std::array<Entry, slots> entries_;
};

}  // namespace libatoll::transfer
