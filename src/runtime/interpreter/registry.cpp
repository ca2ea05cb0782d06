#include "runtime/interpreter/registry.hpp"

#include <algorithm>
#include <atomic>
#include <set>

#include "atoll/base/error.hpp"

namespace libatoll::runtime {

Registry& Registry::instance() noexcept {
  // Never destroyed: threads may still end interpreters while static destructors run.
  static Registry* const registry = new Registry;
  return *registry;
}

namespace {

/// The last interpreter that current() was asked for in this thread. The address of a closed
/// interpreter may be used again, its id only by a CPython that was started anew. Plain data, which
/// can still be used while the thread's thread-locals are destroyed; as long as the thread is
/// inside, the registry holds the record.
struct LastCurrent {
  PyInterpreterState* state = nullptr;
  std::int64_t id = -1;
  std::uint32_t life = 0;
  Interpreter* record = nullptr;
};
thread_local LastCurrent last_current;
/// How many CPythons have ended in this process.
std::atomic<std::uint32_t> lives{0};

/// How many interpreters the calling thread is just creating, one inside the other.
thread_local int creating_here = 0;

}  // namespace

InterpreterHandle Registry::current() {
  PyInterpreterState* state = PyInterpreterState_Get();
  const std::int64_t id = PyInterpreterState_GetID(state);
  const std::uint32_t life = lives.load(std::memory_order_acquire);
  if (last_current.state == state && last_current.id == id && last_current.life == life) {
    return InterpreterHandle::share(last_current.record);
  }
  InterpreterHandle record;
  {
    std::lock_guard lock(mutex_);
    record = record_of(state);
  }
  last_current = {state, id, life, record.get()};
  return record;
}

InterpreterHandle Registry::main() {
  std::lock_guard lock(mutex_);
  return record_of(PyInterpreterState_Main());
}

InterpreterHandle Registry::record_of(PyInterpreterState* state) {
  const std::int64_t id = PyInterpreterState_GetID(state);
  if (const auto known = records_.find(id); known != records_.end()) return known->second;
  const bool is_main = state == PyInterpreterState_Main();
  Config config = Config::legacy();
  if (is_main) config.gil = Gil::own;
  const Whence whence = is_main              ? Whence::runtime
                        : creating_here != 0 ? Whence::unknown
                                             : Whence::capi;
  // Made first: an entry without a record would be followed.
  InterpreterHandle record = InterpreterHandle::make(state, id, whence, config);
  return records_.emplace(id, std::move(record)).first->second;
}

void Registry::walk() {
  if (ending_ != 0) return;
  std::set<std::int64_t> alive;
  for (auto* state = PyInterpreterState_Head(); state; state = PyInterpreterState_Next(state)) {
    const std::int64_t id = PyInterpreterState_GetID(state);
    // While it is being created an interpreter has no id yet.
    if (id < 0) continue;
    alive.insert(id);
    // Unknown ones may be atoll's own, half made: they come with adopt(), others with the next
    // walk.
    if (creating_ == 0) record_of(state);
  }
  // Interpreters that others ended without telling us.
  std::erase_if(records_, [&](const auto& entry) {
    if (alive.contains(entry.first)) return false;
    entry.second->end_close();
    return true;
  });
}

InterpreterHandle Registry::find(std::int64_t id) {
  std::lock_guard lock(mutex_);
  auto found = records_.find(id);
  if (found == records_.end() || !(found->second->is_own() || found->second->is_main())) {
    walk();
    found = records_.find(id);
  }
  if (found == records_.end() || found->second->is_closed()) throw InterpreterNotFoundError(id);
  return found->second;
}

std::vector<InterpreterHandle> Registry::list() {
  std::lock_guard lock(mutex_);
  walk();
  std::vector<InterpreterHandle> out;
  out.reserve(records_.size());
  for (const auto& [id, record] : records_) {
    if (!record->is_closed() && record->whence() != Whence::unknown) out.push_back(record);
  }
  return out;
}

std::vector<InterpreterHandle> Registry::known() {
  std::lock_guard lock(mutex_);
  std::vector<InterpreterHandle> out;
  out.reserve(records_.size());
  for (const auto& [id, record] : records_) out.push_back(record);
  return out;
}

std::size_t Registry::count_open_others() {
  // list() takes a look at what others have made or ended; closed ones may still be in memory.
  (void)list();
  const auto all = known();
  return static_cast<std::size_t>(std::ranges::count_if(
      all, [](const InterpreterHandle& each) { return !each->is_main() && !each->has_ended(); }));
}

InterpreterHandle Registry::adopt(PyInterpreterState* state, Whence whence, const Config& config) {
  std::lock_guard lock(mutex_);
  InterpreterHandle record = record_of(state);
  record->set_origin(whence, config);
  return record;
}

void Registry::remove(const Interpreter& interpreter) noexcept {
  std::lock_guard lock(mutex_);
  records_.erase(interpreter.id());
}

void Registry::after_finalization() noexcept {
  std::lock_guard lock(mutex_);
  lives.fetch_add(1, std::memory_order_acq_rel);
  for (const auto& [id, record] : records_) record->end_close();
  records_.clear();
}

Registry::EndingScope::EndingScope(Registry& registry) noexcept : registry_(registry) {
  std::lock_guard lock(registry_.mutex_);
  ++registry_.ending_;
}

Registry::CreatingScope::CreatingScope(Registry& registry) noexcept : registry_(registry) {
  ++creating_here;
  std::lock_guard lock(registry_.mutex_);
  ++registry_.creating_;
}

Registry::CreatingScope::~CreatingScope() {
  --creating_here;
  std::lock_guard lock(registry_.mutex_);
  --registry_.creating_;
}

Registry::EndingScope::~EndingScope() {
  std::lock_guard lock(registry_.mutex_);
  --registry_.ending_;
}

void Registry::after_fork_in_child() {
  // fork() works in the main interpreter and in legacy ones; CPython keeps the main one only.
  ending_ = 0;
  creating_ = 0;
  std::erase_if(records_, [](const auto& entry) {
    if (entry.second->is_main()) {
      entry.second->forget_slots_after_fork();
      return false;
    }
    entry.second->mark_gone_after_fork();
    return true;
  });
  mutex_.unlock();
}

}  // namespace libatoll::runtime
