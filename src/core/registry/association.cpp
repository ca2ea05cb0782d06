#include "core/registry/association.hpp"

#include <algorithm>
#include <new>

namespace libatoll::core {

namespace {
constexpr std::uint8_t bits(End end) noexcept {
  return static_cast<std::uint8_t>(end);
}
}  // namespace

Association::User* Association::find(InterpreterId id) noexcept {
  const auto found =
      std::find_if(users_.begin(), users_.end(), [id](const User& user) { return user.id == id; });
  return found == users_.end() ? nullptr : &*found;
}

bool Association::is_unused() const noexcept {
  return std::all_of(users_.begin(), users_.end(), [](const User& user) { return user.uses == 0; });
}

Status Association::associate(InterpreterId id, End end) noexcept {
  LockGuard guard(lock_);
  if (User* user = find(id)) {
    if (user->released & bits(end)) return Status::closed;
    user->uses |= bits(end);
    return Status::ok;
  }
  try {
    users_.push_back({.id = id, .uses = bits(end)});
  } catch (const std::bad_alloc&) {
    return Status::no_memory;
  }
  return Status::ok;
}

Status Association::release(InterpreterId id, End ends, bool& is_last) noexcept {
  LockGuard guard(lock_);
  is_last = false;
  User* user = find(id);
  if (!user) {
    try {
      user = &users_.emplace_back(User{.id = id});
    } catch (const std::bad_alloc&) {
      return Status::no_memory;
    }
  }
  if ((bits(ends) & ~user->released) == 0) return Status::closed;
  user->released |= bits(ends);
  user->uses &= static_cast<std::uint8_t>(~bits(ends));
  is_last = is_unused();
  return Status::ok;
}

bool Association::interpreter_gone(InterpreterId id) noexcept {
  LockGuard guard(lock_);
  User* user = find(id);
  if (!user) return false;
  const bool was_associated = user->uses != 0;
  users_.erase(users_.begin() + (user - users_.data()));
  return was_associated && is_unused();
}

Association::Counts Association::counts(End end) const noexcept {
  LockGuard guard(lock_);
  Counts counts;
  for (const User& user : users_) {
    if (user.uses & bits(end)) ++counts.associated;
    if (user.released & bits(end)) ++counts.released;
  }
  return counts;
}

Association::User Association::get(InterpreterId id) const noexcept {
  LockGuard guard(lock_);
  const User* user = const_cast<Association*>(this)->find(id);
  return user ? *user : User{.id = id};
}

bool Association::is_associated(InterpreterId id, End end) const noexcept {
  return (get(id).uses & bits(end)) != 0;
}

bool Association::has_released(InterpreterId id, End end) const noexcept {
  return (get(id).released & bits(end)) != 0;
}

Status Association::list(End end, std::vector<InterpreterId>& ids) const noexcept {
  LockGuard guard(lock_);
  try {
    ids.clear();
    for (const User& user : users_) {
      if (user.uses & bits(end)) ids.push_back(user.id);
    }
  } catch (const std::bad_alloc&) {
    return Status::no_memory;
  }
  return Status::ok;
}

}  // namespace libatoll::core
