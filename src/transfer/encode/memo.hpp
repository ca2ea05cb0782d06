// Which objects an encoder has met: address -> number, emptied in O(1).
#pragma once

#include <Python.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace libatoll::transfer {

class Memo {
 public:
  Memo() noexcept = default;
  Memo(const Memo&) = delete;
  Memo& operator=(const Memo&) = delete;
  ~Memo() { std::free(entries_); }

  /// Forgets all objects; numbering goes on at `next`.
  void clear(std::uint32_t next = 0) noexcept {
    next_ = next;
    used_ = 0;
    if (++epoch_ == 0) drop();  // worn out
    drop_excess();
  }
  /// After a message: a large table is not worth keeping.
  void drop_excess() noexcept {
    if (capacity_ > largest_kept) drop();
  }

  [[nodiscard]] std::uint32_t next() const noexcept { return next_; }

  /// True and its number if `object` was met before; else notes it under the next number.
  bool find_or_add(PyObject* object, std::uint32_t& number) {
    if (used_ * 2 >= capacity_) grow();
    for (std::size_t slot = hash(object);; slot = (slot + 1) & (capacity_ - 1)) {
      Entry& entry = entries_[slot];
      if (entry.epoch != epoch_) {
        entry = {object, next_, epoch_};
        number = next_++;
        ++used_;
        return false;
      }
      if (entry.object == object) {
        number = entry.number;
        return true;
      }
    }
  }

  template <class Visit>
  void each(Visit visit) const {
    if (used_ == 0) return;
    for (std::size_t slot = 0; slot < capacity_; ++slot) {
      if (entries_[slot].epoch == epoch_) visit(entries_[slot].object);
    }
  }

 private:
  static constexpr std::size_t largest_kept = std::size_t{1} << 14;

  void drop() noexcept {
    std::free(entries_);
    entries_ = nullptr;
    capacity_ = 0;
    used_ = 0;
    epoch_ = 1;
  }

  struct Entry {
    PyObject* object;
    std::uint32_t number;
    std::uint32_t epoch;
  };

  [[nodiscard]] std::size_t hash(const PyObject* object) const noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(object) >> 4;
    return (bits * 0x9E3779B97F4A7C15ull) >> shift_;
  }

  void grow() {
    const std::size_t old_capacity = capacity_;
    Entry* old = entries_;
    const std::size_t capacity = old_capacity ? old_capacity * 2 : 64;
    auto* entries = static_cast<Entry*>(std::calloc(capacity, sizeof(Entry)));
    if (!entries) throw std::bad_alloc();
    entries_ = entries;
    capacity_ = capacity;
    shift_ = 64 - __builtin_ctzll(capacity);
    for (std::size_t i = 0; i < old_capacity; ++i) {
      if (old[i].epoch != epoch_) continue;
      std::size_t slot = hash(old[i].object);
      while (entries_[slot].epoch == epoch_) slot = (slot + 1) & (capacity_ - 1);
      entries_[slot] = old[i];
    }
    std::free(old);
  }

  Entry* entries_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  unsigned shift_ = 58;
  std::uint32_t next_ = 0;
  std::uint32_t epoch_ = 1;
};

}  // namespace libatoll::transfer
