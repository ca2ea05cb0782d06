#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "transfer/context/context.hpp"

namespace libatoll::transfer {
namespace {

struct ContextRegistry {
  std::mutex mutex;
  std::unordered_map<PyInterpreterState*, Context*> contexts;
};

ContextRegistry& registry() {
  // Never destroyed: interpreters may end after the static destructors have run.
  static ContextRegistry* const instance = new ContextRegistry;
  return *instance;
}

// Moves with every change of the registry, so that a thread's last hit is not believed after the
// address of an interpreter has been used again.
std::atomic<std::uint64_t> epoch{1};

struct LastHit {
  PyInterpreterState* interpreter;
  Context* context;
  std::uint64_t epoch;
};
constinit thread_local LastHit last_hit{};

}  // namespace

void register_context(PyInterpreterState* interpreter, Context* context) {
  ContextRegistry& known = registry();
  const std::lock_guard lock(known.mutex);
  known.contexts[interpreter] = context;
  epoch.fetch_add(1, std::memory_order_release);
}

void unregister_context(PyInterpreterState* interpreter) noexcept {
  ContextRegistry& known = registry();
  const std::lock_guard lock(known.mutex);
  known.contexts.erase(interpreter);
  epoch.fetch_add(1, std::memory_order_release);
}

Context* find_current() noexcept {
  PyInterpreterState* const interpreter = PyInterpreterState_Get();
  LastHit& hit = last_hit;
  const std::uint64_t now = epoch.load(std::memory_order_acquire);
  if (hit.interpreter == interpreter && hit.epoch == now) return hit.context;
  ContextRegistry& known = registry();
  const std::lock_guard lock(known.mutex);
  const auto found = known.contexts.find(interpreter);
  if (found == known.contexts.end()) return nullptr;
  // The epoch cannot move while the lock is held.
  hit = {interpreter, found->second, epoch.load(std::memory_order_relaxed)};
  return found->second;
}

Context& current() noexcept {
  Context* const context = find_current();
  if (!context) Py_FatalError("atoll: no transfer context in this interpreter");
  return *context;
}

}  // namespace libatoll::transfer
