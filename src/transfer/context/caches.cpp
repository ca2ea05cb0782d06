#include "transfer/context/caches.hpp"

#include <cstring>

namespace libatoll::transfer {
namespace {

std::size_t hash_text(const char* text, std::size_t length) noexcept {
  std::uint64_t state = length * 0x9E3779B97F4A7C15ull;
  while (length >= 8) {
    std::uint64_t word;
    std::memcpy(&word, text, 8);
    state = (state ^ word) * 0xD6E8FEB86659FD93ull;
    state ^= state >> 32;
    text += 8;
    length -= 8;
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, text, length);
  state = (state ^ tail) * 0xD6E8FEB86659FD93ull;
  return static_cast<std::size_t>(state >> 40);
}

}  // namespace

KeyCache::~KeyCache() {
  if (!table_) return;
  for (PyObject* text : *table_) Py_XDECREF(text);
}

PyObject* KeyCache::get(const char* text, std::size_t length) {
  if (!table_) table_ = std::make_unique<std::array<PyObject*, slots>>();
  PyObject*& entry = (*table_)[hash_text(text, length) % slots];
  if (entry && static_cast<std::size_t>(PyUnicode_GET_LENGTH(entry)) == length &&
      std::memcmp(PyUnicode_1BYTE_DATA(entry), text, length) == 0) {
    return Py_NewRef(entry);
  }
  PyObject* const made =
      PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, text, static_cast<Py_ssize_t>(length));
  if (!made) return nullptr;
  Py_XSETREF(entry, Py_NewRef(made));
  return made;
}

core::Handle<CodeRecord> ScriptCache::find(PyObject* source, Py_hash_t hash) const noexcept {
  const Entry& entry = entries_[static_cast<std::size_t>(hash) % slots];
  PyObject* const known = entry.source.get();
  if (!known || entry.hash != hash) return {};
  if (known != source) {
    if (Py_TYPE(known) != Py_TYPE(source)) return {};
    // Exact str or bytes: runs no code of the user, cannot fail.
    if (PyObject_RichCompareBool(known, source, Py_EQ) != 1) return {};
  }
  return entry.record;
}

void ScriptCache::store(PyObject* source, Py_hash_t hash, core::Handle<CodeRecord> record) {
  entries_[static_cast<std::size_t>(hash) % slots] = {py::Ref::borrow(source), hash,
                                                      std::move(record)};
}

}  // namespace libatoll::transfer
