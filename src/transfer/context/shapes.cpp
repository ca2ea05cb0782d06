#include "transfer/context/shapes.hpp"

#include <cstring>

#include "transfer/base/errors.hpp"
#include "transfer/context/caches.hpp"

namespace libatoll::transfer {
namespace {

constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15ull;

std::uint64_t hash_block(std::span<const std::byte> block) noexcept {
  std::uint64_t state = block.size() * multiplier;
  const std::byte* data = block.data();
  std::size_t left = block.size();
  for (; left >= sizeof state; left -= sizeof state, data += sizeof state) {
    std::uint64_t word;
    std::memcpy(&word, data, sizeof word);
    state = (state ^ word) * multiplier;
    state ^= state >> 32;
  }
  std::uint64_t tail = 0;
  if (left) std::memcpy(&tail, data, left);
  state = (state ^ tail) * multiplier;
  return state ^ (state >> 32);
}

std::shared_ptr<const KnownShape> parse(KeyCache& cache, std::size_t count,
                                        std::span<const std::byte> block) {
  auto shape = std::make_shared<KnownShape>();
  shape->model = py::Ref::steal(PyDict_New());
  if (!shape->model) return nullptr;
  const std::byte* cursor = block.data();
  const std::byte* const end = cursor + block.size();
  while (cursor < end) {
    const auto length = static_cast<std::size_t>(*cursor++);
    if (length > static_cast<std::size_t>(end - cursor) || length > shape::longest_key) break;
    const auto key = py::Ref::steal(cache.get(reinterpret_cast<const char*>(cursor), length));
    if (!key || PyDict_SetItem(shape->model.get(), key.get(), Py_None) < 0) return nullptr;
    shape->keys.push_back(key.get());
    cursor += length;
  }
  const auto size = static_cast<std::size_t>(PyDict_GET_SIZE(shape->model.get()));
  if (cursor != end || shape->keys.size() != count || size != count) {
    raise_corrupted();
    return nullptr;
  }
  shape->block.assign(block.begin(), block.end());
  return shape;
}

}  // namespace

ShapeTable::~ShapeTable() {
  if (!shapes_) return;
  for (const Shape& shape : *shapes_) {
    for (PyObject* key : shape.keys) Py_DECREF(key);
  }
}

bool ShapeTable::take(const Shape& shape, PyObject* dict, PyObject** items) const noexcept {
  Py_ssize_t position = 0;
  PyObject* key;
  // The first of the keys tells most shapes apart.
  for (PyObject* const expected : shape.keys) {
    if (!PyDict_Next(dict, &position, &key, items++) || key != expected) return false;
  }
  return true;
}

ShapeTable::Shape* ShapeTable::look_up(PyObject* dict, std::size_t count, PyObject** items) {
  std::uint64_t hash = count;
  Py_ssize_t position = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!PyDict_Next(dict, &position, &row_[i], &items[i])) return nullptr;
    hash = (hash ^ (reinterpret_cast<std::uintptr_t>(row_[i]) >> 4)) * multiplier;
  }
  hash ^= hash >> 32;
  if (!shapes_) shapes_ = std::make_unique<std::array<Shape, slots>>();
  Shape& shape = (*shapes_)[hash % slots];
  if (shape.hash == hash && shape.keys.size() == count &&
      std::memcmp(shape.keys.data(), row_.data(), count * sizeof row_[0]) == 0) {
    return latest_[count] = &shape;
  }
  std::uint64_t& seen = seen_[hash % seen_slots];
  const bool again = seen == hash;
  seen = hash;
  return again ? make(shape, hash, count) : nullptr;
}

ShapeTable::Shape* ShapeTable::make(Shape& place, std::uint64_t hash, std::size_t size) {
  std::vector<std::byte> block;
  for (std::size_t i = 0; i < size; ++i) {
    PyObject* const key = row_[i];
    if (!PyUnicode_CheckExact(key) || PyUnicode_KIND(key) != PyUnicode_1BYTE_KIND) return nullptr;
    const auto length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(key));
    if (length > shape::longest_key) return nullptr;
    block.push_back(static_cast<std::byte>(length));
    const auto* const text = reinterpret_cast<const std::byte*>(PyUnicode_1BYTE_DATA(key));
    block.insert(block.end(), text, text + length);
  }
  std::vector<PyObject*> keys(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(size));
  for (PyObject* key : keys) Py_INCREF(key);
  if (Shape*& latest = latest_[place.keys.size()]; latest == &place) latest = nullptr;
  for (PyObject* key : place.keys) Py_DECREF(key);
  place = {hash, std::move(keys), std::move(block), 0, undefined};
  return &place;
}

std::shared_ptr<const KnownShape> ShapeCache::get(KeyCache& keys, std::size_t count,
                                                  std::span<const std::byte> block) {
  if (!entries_) entries_ = std::make_unique<std::array<Entry, slots>>();
  const std::uint64_t hash = hash_block(block);
  Entry& entry = (*entries_)[hash % slots];
  if (entry.shape && entry.hash == hash && entry.shape->keys.size() == count &&
      entry.shape->block.size() == block.size() &&
      std::memcmp(entry.shape->block.data(), block.data(), block.size()) == 0) {
    return entry.shape;
  }
  auto made = parse(keys, count, block);
  if (made) entry = {hash, made};
  return made;
}

}  // namespace libatoll::transfer
