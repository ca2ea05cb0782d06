#include "runtime/pool/pool.hpp"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include "core/base/threads.hpp"
#include "runtime/pool/ending.hpp"
#include "runtime/pool/pool_list.hpp"

namespace libatoll::runtime {

using core::Channel;
using core::Handle;
using core::Status;

Pool::Pool(InterpreterHandle home, PoolOptions options)
    : home_(std::move(home)),
      options_(std::move(options)),
      tasks_(core::ObjectQueue<PoolTask>::make()),
      ended_(Handle<Event>::make()),
      broken_(Handle<Event>::make()),
      places_(std::make_unique<Place[]>(options_.interpreters)) {}

Handle<Pool> Pool::make(InterpreterHandle home, PoolOptions options) {
  watch_ends();
  auto pool = Handle<Pool>::adopt(new Pool(std::move(home), std::move(options)));
  pool->running_.resize(pool->max_workers());
  if (pool->options_.spares == 0) return pool;
  pool->spares_ = core::ObjectQueue<Member>::make();
  pool->upkeep_ = core::ObjectQueue<Member>::make();
  for (std::size_t i = 0; i < pool->options_.spares; ++i) {
    if (pool->upkeep_.try_put({}) != Status::ok) throw std::bad_alloc();
  }
  const std::lock_guard lock(pool->mutex_);
  pool->start_counted([pool] { pool->keep_spares(); });
  return pool;
}

// --- tasks ---------------------------------------------------------------------------------------

Pool::Admission Pool::submit(PoolTask& task) {
  task.pool_ = Handle<Pool>::share(this);
  if (options_.keeps_output) task.output_ = std::make_unique<TaskOutput>();
  if (is_shut_down() || home_->has_ended()) return Admission::shut_down;
  // Each task takes one of those that are free, so none waits while a worker could be made for it.
  const bool has_worker = free_.fetch_sub(1, std::memory_order_relaxed) > 0;
  if (!has_worker && workers() < max_workers()) {
    const std::lock_guard lock(mutex_);
    if (!is_shut_down() && !broken_->is_over() && workers() < max_workers()) {
      try {
        start_worker();
      } catch (const std::system_error&) {
        if (workers() == 0) {
          free_.fetch_add(1, std::memory_order_relaxed);
          throw;
        }
      }
    }
  }
  // Whoever is there empties the channel before it ends.
  switch (tasks_.try_put(Handle<PoolTask>::share(&task))) {
    case Status::ok:
      counters_.submitted.fetch_add(1, std::memory_order_relaxed);
      return Admission::accepted;
    case Status::no_memory:
      free_.fetch_add(1, std::memory_order_relaxed);
      throw std::bad_alloc();
    default:
      return broken_->is_over() ? Admission::broken : Admission::shut_down;
  }
}

/// Hands every task that waits to `dispose`.
template <class Dispose>
void Pool::drain(Dispose dispose) noexcept {
  Handle<PoolTask> task;
  while (tasks_.try_take(task) == Status::ok) {
    dispose(*task);
    if (task->state() == core::Task::State::cancelled) {
      counters_.dropped.fetch_sub(1, std::memory_order_relaxed);
    }
  }
}

void Pool::shut_down(bool cancel) noexcept {
  if (is_gone_) return;
  bool has_ended = false;
  {
    const std::lock_guard lock(mutex_);
    is_shut_down_.store(true, std::memory_order_release);
    (void)tasks_.close(Channel::Close::sending);
    if (upkeep_) (void)upkeep_.close(Channel::Close::sending);
    has_ended = threads_ == 0;
  }
  if (cancel) {
    drain([](PoolTask& task) { (void)task.cancel(core::Task::Reach::pending); });
  }
  if (!has_ended) return;
  PoolList::instance().remove(*this);
  ended_->set();
}

void Pool::interrupt_all() noexcept {
  if (is_gone_) return;
  is_told_to_stop_.store(true, std::memory_order_release);
  shut_down(true);
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (const Handle<PoolTask> task = running_at(i)) (void)task->cancel_and_interrupt();
  }
}

Handle<PoolTask> Pool::running_at(std::size_t worker) noexcept {
  const core::LockGuard guard(running_lock_);
  return running_[worker];
}

std::vector<std::string> Pool::running_labels() {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (const Handle<PoolTask> task = running_at(i)) labels.emplace_back(task->label());
  }
  return labels;
}

void Pool::break_down(RunResult why) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (broken_->is_over()) return;
    failure_ = std::move(why);
  }
  broken_->set();
  (void)tasks_.close(Channel::Close::sending);
  drain([](PoolTask& task) { task.fail_with_pool(); });
}

void Pool::mark_gone_after_fork() noexcept {
  is_gone_ = true;
  is_shut_down_.store(true, std::memory_order_release);
  ended_->set();
}

Pool::Stats Pool::stats() const noexcept {
  const auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  const auto in_line = static_cast<std::int64_t>(tasks_.count());
  return {
      .submitted = read(counters_.submitted),
      .finished = read(counters_.finished),
      .failed = read(counters_.failed),
      .cancelled = read(counters_.cancelled),
      .timed_out = read(counters_.timed_out),
      .recycled = read(counters_.recycled),
      .waiting =
          static_cast<std::size_t>(std::max<std::int64_t>(0, in_line - read(counters_.dropped))),
      .running = read(counters_.running),
      .workers = workers(),
      .interpreters = read(counters_.interpreters),
      .spares = spares_ ? spares_.count() : 0,
  };
}

// --- threads -------------------------------------------------------------------------------------

namespace {

/// Of the calling thread, if it is one of a pool's.
thread_local const Pool* own_pool = nullptr;

}  // namespace

bool Pool::is_own_thread() const noexcept {
  return own_pool == this;
}

template <class Work>
void Pool::start_counted(Work work) {
  if (threads_ == 0) PoolList::instance().add(*this);
  core::start_thread(core::Signals::as_program,
                     [pool = Handle<Pool>::share(this), work = std::move(work)] {
                       own_pool = pool.get();
                       work();
                       pool->thread_ends();
                     });
  ++threads_;
}

void Pool::start_worker() {
  const std::size_t index = workers();
  start_counted([this, index] { work(index); });
  free_.fetch_add(1, std::memory_order_relaxed);
  started_.store(index + 1, std::memory_order_release);
}

void Pool::thread_ends() noexcept {
  bool was_last = false;
  bool is_over = false;
  {
    const std::lock_guard lock(mutex_);
    was_last = --threads_ == 0;
    is_over = is_shut_down() || broken_->is_over();
  }
  if (!was_last) return;
  // Nobody is left for what may still be there: the process ends.
  if (!is_over) shut_down(true);
  drain([](PoolTask& task) { (void)task.cancel(core::Task::Reach::pending); });
  PoolList::instance().remove(*this);
  if (is_shut_down()) ended_->set();
}

}  // namespace libatoll::runtime
