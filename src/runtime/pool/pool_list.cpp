#include "runtime/pool/pool_list.hpp"

#include <algorithm>
#include <new>

#include "runtime/pool/pool.hpp"

namespace libatoll::runtime {

PoolList& PoolList::instance() noexcept {
  // Never destroyed: threads of pools outlive static destructors.
  static PoolList* const list = new PoolList;
  return *list;
}

void PoolList::add(Pool& pool) {
  const std::lock_guard lock(mutex_);
  pools_.push_back(core::Handle<Pool>::share(&pool));
}

void PoolList::remove(Pool& pool) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(pools_, [&](const auto& each) { return each.get() == &pool; });
}

std::vector<core::Handle<Pool>> PoolList::of(const Interpreter& home) {
  std::vector<core::Handle<Pool>> out;
  const std::lock_guard lock(mutex_);
  for (const auto& pool : pools_) {
    if (&pool->home() == &home) out.push_back(pool);
  }
  return out;
}

std::vector<core::Handle<Pool>> PoolList::all() {
  const std::lock_guard lock(mutex_);
  return pools_;
}

void PoolList::after_fork_in_child() noexcept {
  for (const auto& pool : pools_) pool->mark_gone_after_fork();
  // Their last counts belong to threads that do not exist here.
  new (&pools_) std::vector<core::Handle<Pool>>;
  mutex_.unlock();
}

}  // namespace libatoll::runtime
