#include "core/channel/timer.hpp"

#include <algorithm>

#include "core/support.hpp"
#include "core/wait/select.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

TEST_SUITE("timer") {
  TEST_CASE("after: once, not before its time") {
    const std::int64_t start = monotonic_now();
    auto timer = Timer::after(0.005);
    Tick tick(*timer);
    CHECK(wait_for(tick) == Status::ok);
    CHECK(monotonic_now() - start >= 5'000'000);
    CHECK(tick.due().nanoseconds() - start >= 5'000'000);
    CHECK(timer->next().is_never());
    CHECK(timer->is_over());
    CHECK(wait_for(tick) == Status::closed);
  }

  TEST_CASE("after(0) and less is ready at once; infinity never") {
    Deadline due;
    CHECK(Timer::after(0)->try_receive(due) == Status::ok);
    CHECK(Timer::after(-1)->try_receive(due) == Status::ok);
    CHECK(Timer::after(std::numeric_limits<double>::infinity())->try_receive(due) ==
          Status::pending);
  }

  TEST_CASE("a timer ends a select that would wait for ever, and loses against what is ready") {
    auto channel = channel_of(1);
    auto timer = Timer::after(0.002);
    Receive receive(*channel);
    Tick tick(*timer);
    Operation* const operations[] = {&receive, &tick};
    Selected selected = select(operations);
    CHECK(selected.status == Status::ok);
    CHECK(selected.index == 1);
    CHECK(channel->waiting_receivers() == 0);

    auto late = Timer::after(1000);
    Tick late_tick(*late);
    Operation* const others[] = {&late_tick, &receive};
    CHECK(try_send(*channel, 4) == Status::ok);
    selected = select(others);
    CHECK(selected.index == 1);
    CHECK_FALSE(late->next().is_never());
  }

  TEST_CASE("the select's own deadline and the timer's: the earlier one counts") {
    auto timer = Timer::after(1000);
    Tick tick(*timer);
    Operation* const operations[] = {&tick};
    CHECK(select(operations, {.deadline = Deadline::after(0.002)}).status == Status::timed_out);
    auto soon = Timer::after(0.002);
    Tick soon_tick(*soon);
    Operation* const both[] = {&tick, &soon_tick};
    const Selected selected = select(both, {.deadline = Deadline::after(1000)});
    CHECK(selected.status == Status::ok);
    CHECK(selected.index == 1);
  }

  TEST_CASE("ticker: keeps to its schedule") {
    const std::int64_t period = 2'000'000;
    const std::int64_t start = monotonic_now();
    auto ticker = Timer::ticker(0.002);
    Tick tick(*ticker);
    std::int64_t first = 0;
    std::int64_t former = 0;
    for (int i = 0; i < 10; ++i) {
      CHECK(wait_for(tick) == Status::ok);
      const std::int64_t due = tick.due().nanoseconds();
      CHECK(due <= monotonic_now());
      if (i == 0) {
        first = due;
        CHECK(due - start >= period);
      } else {
        CHECK((due - first) % period == 0);
        CHECK(due > former);
      }
      former = due;
    }
    CHECK(monotonic_now() - start >= 10 * period);
  }

  TEST_CASE("ticker: what nobody received is dropped") {
    auto ticker = Timer::ticker(0.0005);
    const Deadline later = Deadline::after(0.01);
    REQUIRE(eventually([&] { return later.is_over(); }));
    Deadline due;
    CHECK(ticker->try_receive(due) == Status::ok);
    CHECK(due < later);
    CHECK(ticker->next() > later);
  }

  TEST_CASE("stop") {
    auto ticker = Timer::ticker(0.001);
    CHECK(ticker->stop());
    CHECK_FALSE(ticker->stop());
    Tick tick(*ticker);
    CHECK(tick.try_() == Status::closed);
    CHECK(wait_for(tick) == Status::closed);
  }

  TEST_CASE("stop wakes who waits") {
    auto timer = Timer::after(std::numeric_limits<double>::infinity());
    CHECK_FALSE(timer->is_over());
    std::vector<std::future<Status>> threads;
    for (int i = 0; i < 3; ++i) {
      threads.push_back(in_thread([&] {
        Tick tick(*timer);
        return wait_for(tick);
      }));
    }
    CHECK(timer->stop());
    for (auto& thread : threads) CHECK(thread.get() == Status::closed);
  }

  TEST_CASE("after: one of many gets it, the others are told") {
    for (int round = 0; round < 50; ++round) {
      auto timer = Timer::after(0.0005);
      std::vector<std::future<Status>> threads;
      for (int i = 0; i < 3; ++i) {
        threads.push_back(in_thread([&] {
          Tick tick(*timer);
          return wait_for(tick);
        }));
      }
      int received = 0;
      int told = 0;
      for (auto& thread : threads) {
        const Status status = thread.get();
        received += status == Status::ok;
        told += status == Status::closed;
      }
      CHECK(received == 1);
      CHECK(told == 2);
    }
  }

  TEST_CASE("the same timer twice in one select") {
    auto timer = Timer::after(0.001);
    Tick one(*timer);
    Tick two(*timer);
    Operation* const operations[] = {&one, &two};
    CHECK(select(operations).status == Status::ok);
    CHECK(select(operations).status == Status::closed);
  }

  TEST_CASE("many threads, one ticker: each expiry is received once") {
    auto ticker = Timer::ticker(0.0002);
    std::vector<std::future<std::vector<std::int64_t>>> threads;
    for (int i = 0; i < 4; ++i) {
      threads.push_back(in_thread([&] {
        std::vector<std::int64_t> seen;
        const Deadline deadline = Deadline::after(0.1);
        Tick tick(*ticker);
        while (wait_for(tick, {.deadline = deadline}) == Status::ok) {
          seen.push_back(tick.due().nanoseconds());
          if (deadline.is_over()) break;
        }
        return seen;
      }));
    }
    std::vector<std::int64_t> all;
    for (auto& thread : threads) {
      const auto seen = thread.get();
      all.insert(all.end(), seen.begin(), seen.end());
    }
    std::sort(all.begin(), all.end());
    CHECK(all.size() > 10);
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  }

  TEST_CASE("timers race items") {
    auto channel = channel_of(0);
    const int rounds = is_sanitized ? 2000 : 10'000;
    auto sender = in_thread([&] {
      std::uint64_t sum = 0;
      for (int i = 1; i <= rounds; ++i) {
        Send send(*channel, number_item(static_cast<std::uint64_t>(i)));
        auto timer = Timer::after(1e-6 * (i % 23));
        Tick tick(*timer);
        Operation* const operations[] = {&send, &tick};
        if (select(operations).index == 0) sum += static_cast<std::uint64_t>(i);
      }
      (void)channel->close(Channel::Close::sending);
      return sum;
    });
    std::uint64_t sum = 0;
    for (int i = 0;; ++i) {
      Receive receive(*channel);
      auto timer = Timer::after(1e-6 * (i % 19));
      Tick tick(*timer);
      Operation* const operations[] = {&tick, &receive};
      const Selected selected = select(operations);
      if (selected.status == Status::closed) break;
      if (selected.index == 1) sum += number_in(receive.item());
    }
    CHECK(sender.get() == sum);
  }
}
