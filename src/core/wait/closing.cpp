#include "core/wait/closing.hpp"

#include <algorithm>
#include <atomic>
#include <new>
#include <vector>

#include "core/base/no_destructor.hpp"
#include "core/parking/lock.hpp"
#include "core/parking/parking.hpp"
#include "core/wait/mailbox.hpp"

namespace libatoll::core {

namespace {

/// How many closings are under way, everybody's being one. A waiting thread first says for whom it
/// waits, then looks here; a closing first counts itself here, then looks who waits. With both
/// sequentially consistent, one of the two sees the other.
constinit std::atomic<std::uint32_t> under_way{0};
constinit std::atomic<bool> everybody{false};

constinit Lock closing_lock;

std::vector<InterpreterId>& closing_ids() noexcept {
  static NoDestructor<std::vector<InterpreterId>> ids;
  return ids.get();
}

}  // namespace

Status begin_closing(InterpreterId id) noexcept {
  {
    auto& ids = closing_ids();
    LockGuard guard(closing_lock);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      try {
        ids.push_back(id);
      } catch (const std::bad_alloc&) {
        return Status::no_memory;
      }
      under_way.fetch_add(1, std::memory_order_seq_cst);
    }
  }
  Parker::unpark_waiting(id, false);
  Mailbox::close_all(id, false);
  return Status::ok;
}

void end_closing(InterpreterId id) noexcept {
  auto& ids = closing_ids();
  LockGuard guard(closing_lock);
  if (std::erase(ids, id) != 0) under_way.fetch_sub(1, std::memory_order_seq_cst);
}

void begin_closing_all() noexcept {
  if (!everybody.exchange(true, std::memory_order_seq_cst)) {
    under_way.fetch_add(1, std::memory_order_seq_cst);
  }
  Parker::unpark_waiting(no_interpreter, true);
  Mailbox::close_all(no_interpreter, true);
}

void end_closing_all() noexcept {
  if (everybody.exchange(false, std::memory_order_seq_cst)) {
    under_way.fetch_sub(1, std::memory_order_seq_cst);
  }
}

bool is_closing_interpreter(InterpreterId id) noexcept {
  if (under_way.load(std::memory_order_seq_cst) == 0) return false;
  if (everybody.load(std::memory_order_seq_cst)) return true;
  const auto& ids = closing_ids();
  LockGuard guard(closing_lock);
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace libatoll::core
