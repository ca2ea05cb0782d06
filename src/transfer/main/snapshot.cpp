#include "transfer/main/snapshot.hpp"

#include <atomic>
#include <utility>

namespace libatoll::transfer {
namespace {

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

BindingRecord::BindingRecord(std::string name, core::Message value, core::Message state,
                             std::vector<std::string> needs) noexcept
    : id_(next_id()),
      name_(std::move(name)),
      value_(std::move(value)),
      state_(std::move(state)),
      needs_(std::move(needs)) {}

MainSnapshot::MainSnapshot(std::int64_t home, core::Handle<MainProgram> program,
                           std::vector<core::Handle<BindingRecord>> bindings) noexcept
    : id_(next_id()), home_(home), program_(std::move(program)), bindings_(std::move(bindings)) {}

const core::Handle<BindingRecord>* MainSnapshot::find(std::string_view name) const noexcept {
  for (const core::Handle<BindingRecord>& binding : bindings_) {
    if (binding->name() == name) return &binding;
  }
  return nullptr;
}

}  // namespace libatoll::transfer
