#include "core/registry.hpp"

#include "core/closing.hpp"

namespace atoll::core {

// Leaked on purpose: threads may outlive static destruction, and destroying what is left at exit
// would gain nothing.

Registry<Queue>& queues() noexcept {
  static auto* const registry = new Registry<Queue>(1);
  return *registry;
}

Registry<SharedChannel>& channels() noexcept {
  static auto* const registry = new Registry<SharedChannel>(0);
  return *registry;
}

void interpreter_gone(InterpreterId id) noexcept {
  queues().interpreter_gone(id);
  channels().interpreter_gone(id);
  end_closing(id);
}

}  // namespace atoll::core
