#include "core/base/in_turn.hpp"

#include <utility>

namespace libatoll::core {

void DestroyedInTurn::destroy() noexcept {
  static thread_local DestroyedInTurn* doomed = nullptr;
  static thread_local bool is_under_way = false;
  next_ = std::exchange(doomed, this);
  if (is_under_way) return;
  is_under_way = true;
  while (doomed) {
    DestroyedInTurn* const first = std::exchange(doomed, doomed->next_);
    delete first;
  }
  is_under_way = false;
}

}  // namespace libatoll::core
