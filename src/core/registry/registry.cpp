#include "core/registry/registry.hpp"

#include "core/base/immortal.hpp"
#include "core/channel/counted_ends.hpp"
#include "core/wait/closing.hpp"

namespace libatoll::core {

// What is left in them at exit stays there: destroying it would gain nothing.

Registry<Queue>& queues() noexcept {
  static Immortal<Registry<Queue>> registry(std::int64_t{1});
  return registry.get();
}

Registry<SharedChannel>& channels() noexcept {
  static Immortal<Registry<SharedChannel>> registry(std::int64_t{0});
  return registry.get();
}

void interpreter_gone(InterpreterId id) noexcept {
  queues().interpreter_gone(id);
  channels().interpreter_gone(id);
  EndShare::interpreter_gone(id);
  end_closing(id);
}

}  // namespace libatoll::core
