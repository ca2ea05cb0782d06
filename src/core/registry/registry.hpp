// Objects that are known in the whole process by a number.
//
// Numbers ascend and are never reused. An object leaves the registry when it is destroyed by name,
// or when the last of its binds is released (PEP 734: one bind per Python object that stands for
// it); it is then destroyed for everybody, and who is blocked on it wakes with Status::destroyed.
// Handles remain valid.
//
//   std::int64_t id = queues().add(Handle<Queue>::make(10), interpreter);
//   queues().bind(id, interpreter);
//   if (auto queue = queues().find(id)) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <new>
#include <utility>
#include <vector>

#include "core/base/object.hpp"
#include "core/base/status.hpp"
#include "core/parking/lock.hpp"
#include "core/registry/queue.hpp"
#include "core/registry/shared_channel.hpp"

namespace libatoll::core {

/// T has destroy_for_all() and interpreter_gone(InterpreterId). Thread-safe; nothing of T is
/// called, and none of its counts is given up, under the registry's lock.
template <class T>
class Registry {
 public:
  struct Listed {
    std::int64_t id;
    Handle<T> object;
  };

  explicit Registry(std::int64_t first_id) noexcept : next_id_(first_id) {}
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// The new number, or -1 without memory (or without an object). Not bound yet.
  [[nodiscard]] std::int64_t add(Handle<T> object, InterpreterId owner) noexcept {
    if (!object) return -1;
    LockGuard guard(lock_);
    try {
      entries_.emplace_hint(entries_.end(), next_id_, Entry{std::move(object), owner, {}});
    } catch (const std::bad_alloc&) {
      return -1;
    }
    return next_id_++;
  }

  /// Empty if there is none.
  [[nodiscard]] Handle<T> find(std::int64_t id) const noexcept {
    LockGuard guard(lock_);
    const auto found = entries_.find(id);
    return found == entries_.end() ? Handle<T>() : found->second.object;
  }

  /// The interpreter that made it; not_found.
  [[nodiscard]] Status owner(std::int64_t id, InterpreterId& owner) const noexcept {
    LockGuard guard(lock_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return Status::not_found;
    owner = found->second.owner;
    return Status::ok;
  }

  /// not_found, no_memory.
  [[nodiscard]] Status bind(std::int64_t id, InterpreterId interpreter) noexcept {
    LockGuard guard(lock_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return Status::not_found;
    auto& binds = found->second.binds;
    for (Bind& bind : binds) {
      if (bind.interpreter == interpreter) {
        ++bind.count;
        return Status::ok;
      }
    }
    try {
      binds.push_back({interpreter, 1});
    } catch (const std::bad_alloc&) {
      return Status::no_memory;
    }
    return Status::ok;
  }

  /// Undoes one bind, of `interpreter` or, if it has none, of another. not_found, never_bound
  /// (nothing happens).
  [[nodiscard]] Status release(std::int64_t id, InterpreterId interpreter) noexcept {
    Handle<T> unbound;
    {
      LockGuard guard(lock_);
      const auto found = entries_.find(id);
      if (found == entries_.end()) return Status::not_found;
      auto& binds = found->second.binds;
      if (binds.empty()) return Status::never_bound;
      auto bind = binds.begin();
      while (bind != binds.end() && bind->interpreter != interpreter) ++bind;
      if (bind == binds.end()) bind = binds.begin();
      if (--bind->count == 0) binds.erase(bind);
      if (binds.empty()) {
        unbound = std::move(found->second.object);
        entries_.erase(found);
      }
    }
    if (unbound) unbound->destroy_for_all();
    return Status::ok;
  }

  [[nodiscard]] Status destroy(std::int64_t id) noexcept {
    Handle<T> object;
    {
      LockGuard guard(lock_);
      const auto found = entries_.find(id);
      if (found == entries_.end()) return Status::not_found;
      object = std::move(found->second.object);
      entries_.erase(found);
    }
    object->destroy_for_all();
    return Status::ok;
  }

  /// In ascending order. no_memory.
  [[nodiscard]] Status list(std::vector<Listed>& out) const noexcept {
    try {
      std::vector<Listed> listed;
      for (;;) {
        const std::size_t expected = size();
        listed.reserve(expected);
        LockGuard guard(lock_);
        if (entries_.size() > expected) continue;
        for (const auto& [id, entry] : entries_) listed.push_back({id, entry.object});
        break;
      }
      out.swap(listed);
    } catch (const std::bad_alloc&) {
      return Status::no_memory;
    }
    return Status::ok;
  }

  [[nodiscard]] std::size_t size() const noexcept {
    LockGuard guard(lock_);
    return entries_.size();
  }

  /// After the interpreter was torn down: gives up the binds that it left behind, and lets every
  /// object that remains deal with it. Complete when it returns.
  void interpreter_gone(InterpreterId interpreter) noexcept {
    // One at a time, by ascending number: no memory needed. Those added meanwhile can have nothing
    // of an interpreter that is gone.
    std::int64_t next = 0;
    for (;;) {
      Handle<T> object;
      bool is_unbound = false;
      {
        LockGuard guard(lock_);
        const auto found = entries_.lower_bound(next);
        if (found == entries_.end()) return;
        next = found->first + 1;
        auto& binds = found->second.binds;
        const bool was_bound = !binds.empty();
        std::erase_if(binds, [&](const Bind& bind) { return bind.interpreter == interpreter; });
        is_unbound = was_bound && binds.empty();
        if (is_unbound) {
          object = std::move(found->second.object);
          entries_.erase(found);
        } else {
          object = found->second.object;
        }
      }
      if (is_unbound) {
        object->destroy_for_all();
      } else {
        object->interpreter_gone(interpreter);
      }
    }
  }

 private:
  struct Bind {
    InterpreterId interpreter;
    std::uint64_t count;
  };
  struct Entry {
    Handle<T> object;
    InterpreterId owner;
    std::vector<Bind> binds;
  };

  mutable Lock lock_;
  std::int64_t next_id_;
  std::map<std::int64_t, Entry> entries_;
};

/// The process's queues; numbers count from 1.
[[nodiscard]] Registry<Queue>& queues() noexcept;
/// The process's channels; numbers count from 0.
[[nodiscard]] Registry<SharedChannel>& channels() noexcept;

/// For the runtime, once per interpreter, after its objects are gone (they release what they have
/// bound) and before close() returns: sweeps all queues and channels, closes the ends that
/// it has left open, forgets the closing of `id`.
void interpreter_gone(InterpreterId id) noexcept;

}  // namespace libatoll::core
