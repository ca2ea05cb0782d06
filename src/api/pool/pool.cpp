#include "atoll/pool.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "api/channel/blocking.hpp"
#include "api/pool/futures.hpp"
#include "api/process/inside.hpp"
#include "api/value/code.hpp"
#include "atoll/error.hpp"
#include "runtime/pool/pool.hpp"

namespace libatoll {

using api::Process;
using core::Handle;
using core::Status;

/// What all copies of a handle share.
struct Pool::Shared {
  explicit Shared(Handle<runtime::Pool> made) noexcept : pool(std::move(made)) {}
  // What was submitted is still executed.
  ~Shared() { pool->shut_down(false); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  const Handle<runtime::Pool> pool;
};

namespace {

// --- options -------------------------------------------------------------------------------------

std::size_t usable_cores() noexcept {
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof usable, &usable) == 0) {
    return static_cast<std::size_t>(std::max(CPU_COUNT(&usable), 1));
  }
  return std::max(std::thread::hardware_concurrency(), 1U);
}

std::string next_name() {
  static std::atomic<std::uint64_t> count{0};
  return "atoll-pool-" + std::to_string(count.fetch_add(1, std::memory_order_relaxed));
}

void require_count(std::size_t value, std::size_t least, const char* name) {
  if (value >= least && value <= runtime::Pool::most_workers) return;
  throw ValueError(std::string(name) + " must be between " + std::to_string(least) + " and " +
                   std::to_string(runtime::Pool::most_workers) + ", not " + std::to_string(value));
}

/// What a new interpreter does after its imports.
class SetUp {
 public:
  explicit SetUp(const PoolOptions& options)
      : source_(options.source),
        filename_(options.filename),
        initializer_(options.initializer),
        initargs_(options.initargs) {
    // Once here, for the errors.
    if (!initializer_.empty()) (void)api::PackedArguments(initargs_, {});
  }

  [[nodiscard]] bool is_empty() const noexcept { return source_.empty() && initializer_.empty(); }

  void operator()(transfer::Context& context, runtime::RunResult& result) const {
    try {
      if (!source_.empty()) api::execute(source_, filename_);
      if (initializer_.empty()) return;
      const py::Ref function = api::find_callable(initializer_);
      const py::Ref done = api::PackedArguments(initargs_, {}).pass_to(function, context);
      return;
    } catch (const api::PythonRaised&) {
      // Its exception is the result's.
    } catch (const Error& error) {
      PyErr_SetString(context.not_shareable_error(), error.what());
    }
    runtime::take_uncaught(context, result);
  }

 private:
  std::string source_;
  std::string filename_;
  std::string initializer_;
  List initargs_;
};

runtime::PoolOptions checked(const PoolOptions& options) {
  runtime::PoolOptions out;
  out.interpreters = options.interpreters != 0 ? options.interpreters : usable_cores();
  out.threads = options.threads;
  require_count(out.interpreters, 1, "interpreters");
  require_count(out.threads, 1, "threads");
  require_count(out.interpreters * out.threads, 1, "interpreters * threads");
  require_count(options.warm, 0, "warm");
  out.spares = options.warm;
  out.max_tasks = options.max_tasks_per_interpreter;
  out.name = options.name.empty() ? next_name() : options.name;
  out.config = options.config;
  out.preload = options.preload;
  SetUp set_up(options);
  if (!set_up.is_empty()) out.set_up_last = std::move(set_up);
  return out;
}

/// As a task has it: 0 for no limit.
double limit_of(Timeout timeout) {
  if (!(timeout.seconds() > 0)) throw ValueError("the timeout of a task must be positive");
  return timeout.seconds() < Timeout::never().seconds() ? timeout.seconds() : 0;
}

// --- tasks ---------------------------------------------------------------------------------------

/// Nobody but the caller knows the task yet.
void submit_to(runtime::Pool& pool, api::ValueTask& task) {
  // Which keeps the Runtime from ending Python while a worker is started.
  const Process::Use use;
  switch (pool.submit(task)) {
    case runtime::Pool::Admission::accepted:
      return;
    case runtime::Pool::Admission::shut_down:
      throw Closed("the pool was shut down");
    case runtime::Pool::Admission::broken:
      api::throw_broken(pool);
  }
}

/// Waits until the task is over. What ends the wait ends the task.
void wait_for(api::ValueTask& task) {
  core::Completion completion(task);
  if (completion.try_() == Status::ok) return;
  core::Operation* const operations[] = {&completion};
  const api::Blocked blocked = api::block_on(operations, Timeout::never());
  if (!blocked.failure && blocked.selected.status == Status::ok) return;
  (void)task.cancel_and_interrupt();
  if (blocked.failure) throw *blocked.failure;
  api::throw_common(blocked.selected.status);
}

}  // namespace

// --- handles -------------------------------------------------------------------------------------

Pool::Pool(std::shared_ptr<const Shared> shared) noexcept : shared_(std::move(shared)) {}

const Pool::Shared& Pool::shared() const {
  if (!shared_) throw Error("this pool's handle was moved from");
  return *shared_;
}

Pool Pool::create(const PoolOptions& options) {
  const Process::Use use;
  runtime::PoolOptions wanted = checked(options);
  runtime::InterpreterHandle home;
  if (py::attached_thread_state()) {
    // Its end is the end of the pool: atoll has to hear of it.
    runtime::Interpreter* const current = runtime::lifecycle::join_current();
    if (!current) throw api::take_failure(*runtime::Registry::instance().current());
    home = runtime::InterpreterHandle::share(current);
  } else {
    home = runtime::Registry::instance().main();
  }
  return Pool(
      std::make_shared<const Shared>(runtime::Pool::make(std::move(home), std::move(wanted))));
}

// --- submitting ----------------------------------------------------------------------------------

AnyFuture Pool::start(std::string_view callable, std::span<const Value> args, const Dict& keywords,
                      const TaskOptions& options) const {
  auto task = Handle<api::NamedCall>::make(callable, api::PackedArguments(args, keywords),
                                           limit_of(options.timeout));
  submit_to(*shared().pool, *task);
  return AnyFuture(std::make_shared<const AnyFuture::Shared>(AnyFuture::Shared{std::move(task)}));
}

Value Pool::finish(const AnyFuture& future) {
  api::ValueTask& task = *future.shared().task;
  wait_for(task);
  return task.take_value();
}

List Pool::map_list(std::string_view callable, const List& items, const MapOptions& options) const {
  runtime::Pool& pool = *shared().pool;
  constexpr std::size_t tasks_per_worker = 8;
  std::size_t chunk = options.chunksize;
  if (chunk == 0) chunk = items.size() / (pool.max_workers() * tasks_per_worker) + 1;
  const double limit = limit_of(options.task_timeout);

  std::vector<Handle<api::NamedMap>> tasks;
  for (std::size_t i = 0; i < items.size(); i += std::min(chunk, items.size() - i)) {
    tasks.push_back(Handle<api::NamedMap>::make(
        callable, std::span(items).subspan(i, std::min(chunk, items.size() - i)), i, limit));
  }
  List results;
  results.reserve(items.size());
  try {
    for (const auto& task : tasks) submit_to(pool, *task);
    for (const auto& task : tasks) {
      wait_for(*task);
      Value part = task->take_value();
      for (Value& result : *part.get_if<List>()) results.push_back(std::move(result));
    }
  } catch (...) {
    for (const auto& task : tasks) (void)task->cancel(core::Task::Reach::pending);
    throw;
  }
  return results;
}

// --- ending --------------------------------------------------------------------------------------

void Pool::shutdown(const ShutdownOptions& options) const {
  (void)shared();
  const std::shared_ptr<const Shared> kept = shared_;  // whoever assigns to the handle meanwhile
  runtime::Pool& pool = *kept->pool;
  if (options.interrupt) {
    pool.interrupt_all();
  } else {
    pool.shut_down(options.cancel_pending);
  }
  if (!options.wait) return;
  if (pool.is_own_thread()) {
    throw InterpreterError(
        "a task of the pool cannot wait for the end of the pool: it would wait for itself");
  }
  core::Completion completion(pool.ended());
  if (completion.try_() == Status::ok) return;
  core::Operation* const operations[] = {&completion};
  const api::Blocked blocked = api::block_on(operations, Timeout::never());
  if (blocked.failure) throw *blocked.failure;
  api::throw_common(blocked.selected.status);
}

bool Pool::is_shut_down() const noexcept {
  return !shared_ || shared_->pool->is_shut_down() || shared_->pool->home().has_ended();
}

bool Pool::is_broken() const noexcept {
  return shared_ && shared_->pool->broken().is_over();
}

// --- looking -------------------------------------------------------------------------------------

Interpreter Pool::take_interpreter() const {
  const Process::Use use;
  runtime::Pool& pool = *shared().pool;
  if (pool.is_shut_down()) throw Closed("the pool was shut down");
  if (pool.broken().is_over()) api::throw_broken(pool);
  const runtime::InterpreterHandle taken = pool.take_interpreter();
  if (!taken) api::throw_broken(pool);
  // It ends with its last handle, as one that create() has made.
  taken->link();
  return Interpreter::from_id(taken->id());
}

PoolStats Pool::stats() const {
  const runtime::Pool::Stats now = shared().pool->stats();
  return {
      .submitted = now.submitted,
      .finished = now.finished,
      .failed = now.failed,
      .cancelled = now.cancelled,
      .timed_out = now.timed_out,
      .recycled = now.recycled,
      .waiting = now.waiting,
      .running = now.running,
      .workers = now.workers,
      .interpreters = now.interpreters,
      .spares = now.spares,
  };
}

std::size_t Pool::interpreters() const {
  return shared().pool->options().interpreters;
}

std::string Pool::name() const {
  return shared().pool->options().name;
}

}  // namespace libatoll
