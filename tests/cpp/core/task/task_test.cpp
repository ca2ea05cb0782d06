#include "core/task/task.hpp"

#include <array>
#include <atomic>
#include <latch>
#include <optional>

#include "core/channel/timer.hpp"
#include "core/support.hpp"
#include "core/wait/select.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;
using State = Task::State;
using Reach = Task::Reach;

namespace {

/// A task whose outcome is a number.
class Number final : public Task {
 public:
  Number() noexcept = default;
  /// What a worker does; false if it was cancelled.
  bool execute(int outcome) {
    if (!settle()) return false;
    number = outcome;
    finish();
    return true;
  }
  int number = 0;

 private:
  ~Number() override = default;
};

class CountingListener final : public Task::Listener {
 public:
  explicit CountingListener(std::atomic<int>& count) noexcept : count_(count) {}
  void task_over() noexcept override { ++count_; }

 private:
  ~CountingListener() override = default;
  std::atomic<int>& count_;
};

}  // namespace

TEST_SUITE("task") {
  TEST_CASE("pending, running, settling, finished") {
    const auto task = Handle<Number>::make();
    CHECK(task->state() == State::pending);
    CHECK_FALSE(task->settle());
    CHECK(task->start());
    CHECK(task->state() == State::running);
    CHECK_FALSE(task->start());
    CHECK_FALSE(task->settle_unstarted());
    CHECK_FALSE(task->is_over());
    CHECK(task->settle());
    CHECK(task->state() == State::settling);
    CHECK_FALSE(task->is_over());
    // Too late for everybody.
    CHECK_FALSE(task->cancel(Reach::running));
    CHECK_FALSE(task->time_out());
    task->finish();
    CHECK(task->state() == State::finished);
    CHECK(task->is_over());
    CHECK_FALSE(task->cancel(Reach::running));
    CHECK_FALSE(task->time_out());
    CHECK_FALSE(task->start());
    CHECK_FALSE(task->settle());
    CHECK(task->state() == State::finished);
  }

  TEST_CASE("an outcome without a start") {
    const auto task = Handle<Number>::make();
    CHECK(task->settle_unstarted());
    CHECK_FALSE(task->start());
    CHECK_FALSE(task->cancel(Reach::pending));
    task->finish();
    CHECK(task->state() == State::finished);
  }

  TEST_CASE("cancelled before it began") {
    for (const Reach reach : {Reach::pending, Reach::running}) {
      const auto task = Handle<Number>::make();
      CHECK_FALSE(task->time_out());
      CHECK(task->cancel(reach));
      CHECK(task->state() == State::cancelled);
      CHECK(task->is_over());
      CHECK_FALSE(task->cancel(reach));
      CHECK_FALSE(task->start());
      CHECK_FALSE(task->settle_unstarted());
    }
  }

  TEST_CASE("cancelled while it runs: what the worker brings is dropped") {
    for (const bool by_time : {false, true}) {
      const auto task = Handle<Number>::make();
      CHECK(task->start());
      CHECK_FALSE(task->cancel(Reach::pending));
      CHECK((by_time ? task->time_out() : task->cancel(Reach::running)));
      CHECK(task->state() == (by_time ? State::timed_out : State::cancelled));
      CHECK_FALSE(task->execute(1));
      CHECK(task->number == 0);
      CHECK(task->state() == (by_time ? State::timed_out : State::cancelled));
    }
  }

  TEST_CASE("waiting, before and after the end") {
    const auto task = Handle<Number>::make();
    Completion completion(*task);
    CHECK(completion.try_() == Status::pending);
    CHECK(wait_for(completion, {.deadline = Deadline::after(0.001)}) == Status::timed_out);
    std::vector<std::future<int>> waiting;
    for (int i = 0; i < 3; ++i) {
      waiting.push_back(in_thread([&] {
        Completion own(*task);
        return wait_for(own) == Status::ok ? task->number : -1;
      }));
    }
    CHECK(task->start());
    CHECK(task->execute(42));
    for (auto& each : waiting) CHECK(each.get() == 42);
    CHECK(completion.try_() == Status::ok);
    CHECK(wait_for(completion) == Status::ok);
    CHECK(wait_for(completion, {.deadline = Deadline::past()}) == Status::ok);
  }

  TEST_CASE("a completion among other operations: nothing else is consumed") {
    const auto task = Handle<Number>::make();
    const auto channel = channel_of(1);
    Completion completion(*task);
    Receive receive(*channel);
    Operation* const operations[] = {&receive, &completion};
    CHECK(try_select(operations).status == Status::pending);
    auto ender = in_thread([&] { return task->cancel(Reach::pending); });
    const Selected selected = select(operations);
    CHECK(selected.status == Status::ok);
    CHECK(selected.index == 1);
    CHECK(ender.get());
    CHECK(channel->waiting_receivers() == 0);
    CHECK(try_send(*channel, 5) == Status::ok);
    CHECK(select(operations, {}, Order::given).index == 0);
    CHECK(select(operations, {}, Order::given).index == 1);
  }

  TEST_CASE("a select that goes elsewhere leaves nothing behind") {
    const auto channel = channel_of(1);
    const auto task = Handle<Number>::make();
    {
      Completion completion(*task);
      Completion twice(*task);
      Receive receive(*channel);
      Operation* const operations[] = {&completion, &twice, &receive};
      auto sender = in_thread([&] { return send(*channel, 7); });
      CHECK(select(operations).index == 2);
      CHECK(sender.get() == Status::ok);
    }
    CHECK(task->start());
    CHECK(task->execute(1));  // finds nobody
  }

  TEST_CASE("the same task twice in one select") {
    const auto task = Handle<Number>::make();
    Completion one(*task);
    Completion two(*task);
    Operation* const operations[] = {&one, &two};
    auto ender = in_thread([&] { return task->cancel(Reach::pending); });
    CHECK(select(operations).status == Status::ok);
    CHECK(ender.get());
  }

  TEST_CASE("a listener hears of the end once") {
    std::atomic<int> heard{0};
    for (int way = 0; way < 4; ++way) {
      heard = 0;
      const auto task = Handle<Number>::make();
      CHECK(task->listen(Handle<CountingListener>::make(heard)));
      if (way != 0) CHECK(task->start());
      CHECK(heard == 0);
      if (way == 0) CHECK(task->cancel(Reach::pending));
      if (way == 1) CHECK(task->cancel(Reach::running));
      if (way == 2) CHECK(task->time_out());
      if (way == 3) CHECK(task->execute(3));
      CHECK(heard == 1);
      // Who comes too late is told so instead.
      CHECK_FALSE(task->listen(Handle<CountingListener>::make(heard)));
      CHECK_FALSE(task->cancel(Reach::running));
      CHECK(heard == 1);
    }
  }

  TEST_CASE("a second listener takes the place of the first") {
    std::atomic<int> first{0};
    std::atomic<int> second{0};
    const auto task = Handle<Number>::make();
    CHECK(task->listen(Handle<CountingListener>::make(first)));
    CHECK(task->listen(Handle<CountingListener>::make(second)));
    CHECK(task->cancel(Reach::pending));
    CHECK(first == 0);
    CHECK(second == 1);
  }

  TEST_CASE("tasks report to a channel, in the order of their ends") {
    const auto sink = ObjectQueue<Task>::make();
    std::array<Handle<Number>, 3> tasks;
    for (auto& task : tasks) {
      task = Handle<Number>::make();
      task->report_to(sink);
      CHECK(task->start());
    }
    CHECK(tasks[2]->execute(2));
    CHECK(tasks[0]->cancel(Reach::running));
    CHECK(tasks[1]->time_out());
    CHECK_FALSE(tasks[0]->execute(0));
    for (const std::size_t expected : {2U, 0U, 1U}) {
      Handle<Task> task;
      CHECK(sink.try_take(task) == Status::ok);
      CHECK(task == Handle<Task>(tasks[expected]));
    }
    CHECK(sink.count() == 0);
  }

  TEST_CASE("a task that nobody else holds lives until whoever waits for its report has it") {
    const auto sink = ObjectQueue<Task>::make();
    auto receiver = in_thread([&] {
      Handle<Task> task;
      REQUIRE(sink.take(task) == Status::ok);
      return static_cast<Number&>(*task).number;
    });
    {
      const auto task = Handle<Number>::make();
      task->report_to(sink);
      CHECK(task->start());
      CHECK(task->execute(9));
    }
    CHECK(receiver.get() == 9);
  }

  TEST_CASE("a sink that is closed loses the report, nothing more") {
    const auto sink = ObjectQueue<Task>::make();
    const auto task = Handle<Number>::make();
    task->report_to(sink);
    CHECK(sink.close(Channel::Close::now) == Status::ok);
    CHECK(task->cancel(Reach::pending));
    CHECK(task->is_over());
  }

  TEST_CASE("races to the end: one wins, and all who wait see the same end") {
    const int rounds = is_sanitized ? 300 : 3000;
    std::array<int, 3> ends{};
    for (int round = 0; round < rounds; ++round) {
      const auto task = Handle<Number>::make();
      const auto sink = ObjectQueue<Task>::make();
      std::atomic<int> heard{0};
      std::atomic<int> wins{0};
      task->report_to(sink);
      REQUIRE(task->listen(Handle<CountingListener>::make(heard)));
      REQUIRE(task->start());
      std::latch go(5);
      auto worker = in_thread([&] {
        go.arrive_and_wait();
        wins += task->execute(1);
      });
      auto canceller = in_thread([&] {
        go.arrive_and_wait();
        wins += task->cancel(Reach::running);
      });
      auto clock = in_thread([&] {
        go.arrive_and_wait();
        wins += task->time_out();
      });
      auto waiter = in_thread([&] {
        go.arrive_and_wait();
        Completion completion(*task);
        REQUIRE(wait_for(completion) == Status::ok);
        return task->state();
      });
      go.arrive_and_wait();
      Completion completion(*task);
      REQUIRE(wait_for(completion) == Status::ok);
      const State end = task->state();
      worker.get();
      canceller.get();
      clock.get();
      REQUIRE(waiter.get() == end);
      REQUIRE(wins == 1);
      REQUIRE(heard == 1);
      REQUIRE(sink.count() == 1);
      REQUIRE((task->number == 1) == (end == State::finished));
      ++ends[static_cast<std::size_t>(end) - static_cast<std::size_t>(State::finished)];
    }
    MESSAGE("finished ", ends[0], ", cancelled ", ends[1], ", timed out ", ends[2]);
  }

  TEST_CASE("a listener that comes at the end is told, or turned away") {
    const int rounds = is_sanitized ? 300 : 3000;
    for (int round = 0; round < rounds; ++round) {
      const auto task = Handle<Number>::make();
      std::atomic<int> heard{0};
      std::latch go(2);
      auto ender = in_thread([&] {
        go.arrive_and_wait();
        return task->cancel(Reach::pending);
      });
      go.arrive_and_wait();
      const bool listens = task->listen(Handle<CountingListener>::make(heard));
      REQUIRE(ender.get());
      REQUIRE(heard == (listens ? 1 : 0));
    }
  }

  TEST_CASE("eight threads: a queue of tasks, workers, cancellers, waiters and a clock") {
    const auto queue = ObjectQueue<Number>::make();
    const auto sink = ObjectQueue<Task>::make();
    const int count = is_sanitized ? 2000 : 20'000;
    std::vector<Handle<Number>> tasks;
    for (int i = 0; i < count; ++i) {
      tasks.push_back(Handle<Number>::make());
      tasks.back()->report_to(sink);
    }
    std::atomic<int> finished{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> timed_out{0};
    std::atomic<int> waited{0};
    std::vector<std::future<void>> threads;
    for (int i = 0; i < 3; ++i) {
      threads.push_back(in_thread([&] {
        Handle<Number> task;
        while (queue.take(task) == Status::ok) {
          if (task->start()) finished += task->execute(1);
        }
      }));
    }
    for (std::size_t i = 0; i < 2; ++i) {
      threads.push_back(in_thread([&, i] {
        for (std::size_t at = i; at < tasks.size(); at += 2) {
          if (at % 3 == 0) cancelled += tasks[at]->cancel(i == 0 ? Reach::pending : Reach::running);
        }
      }));
    }
    threads.push_back(in_thread([&] {
      for (std::size_t at = 0; at < tasks.size(); at += 5) timed_out += tasks[at]->time_out();
    }));
    for (int i = 0; i < 2; ++i) {
      threads.push_back(in_thread([&] {
        for (std::size_t at = 1; at < tasks.size(); at += 2) {
          Completion one(*tasks[at]);
          Completion other(*tasks[at - 1]);
          Operation* const operations[] = {&one, &other};
          if (select(operations).status == Status::ok && wait_for(one) == Status::ok) ++waited;
        }
      }));
    }
    for (const auto& task : tasks) REQUIRE(queue.try_put(task) == Status::ok);
    CHECK(queue.close(Channel::Close::sending) == Status::ok);
    for (auto& thread : threads) thread.get();
    CHECK(finished + cancelled + timed_out == count);
    CHECK(waited == 2 * (count / 2));
    CHECK(sink.count() == static_cast<std::size_t>(count));
    for (const auto& task : tasks) {
      CHECK(task->is_over());
      CHECK((task->number == 1) == (task->state() == State::finished));
    }
  }
}
