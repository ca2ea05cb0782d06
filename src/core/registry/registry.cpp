#include "core/registry/registry.hpp"

#include "core/base/no_destructor.hpp"
#include "core/channel/channel_ends.hpp"
#include "core/wait/closing.hpp"

namespace libatoll::core {

// What is left in them at exit stays there: destroying it would gain nothing.

Registry<Queue>& queues() noexcept {
  static NoDestructor<Registry<Queue>> registry(std::int64_t{1});
  return registry.get();
}

Registry<SharedChannel>& channels() noexcept {
  static NoDestructor<Registry<SharedChannel>> registry(std::int64_t{0});
  return registry.get();
}

void interpreter_gone(InterpreterId id) noexcept {
  queues().interpreter_gone(id);
  channels().interpreter_gone(id);
  EndRef::interpreter_gone(id);
  end_closing(id);
}

}  // namespace libatoll::core
