#include "core/wait/mailbox.hpp"

#include <fcntl.h>
#include <poll.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>

#include "core/channel/timer.hpp"
#include "core/support.hpp"
#include "core/wait/async_wait.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

namespace {

bool is_readable(const Mailbox& mailbox, int timeout = 0) {
  pollfd fd{.fd = mailbox.fd(), .events = POLLIN, .revents = 0};
  return poll(&fd, 1, timeout) == 1;
}

/// A pending reception as an event loop would have it: operation and wait in one heap object.
struct PendingReceive {
  PendingReceive(const Handle<Mailbox>& mailbox, Channel& channel)
      : receive(channel), wait(mailbox, operations) {}
  Receive receive;
  Operation* operations[1] = {&receive};
  AsyncWait wait;
};

}  // namespace

TEST_SUITE("mailbox") {
  TEST_CASE("completions arrive in order, with one signal per burst") {
    auto mailbox = Mailbox::create(no_interpreter);
    REQUIRE(mailbox);
    CHECK_FALSE(is_readable(*mailbox));
    auto channel = channel_of(0);
    std::deque<PendingReceive> pending;
    for (int i = 0; i < 10; ++i) {
      CHECK(pending.emplace_back(mailbox, *channel).wait.start().status == Status::pending);
    }
    CHECK(channel->waiting_receivers() == 10);
    for (std::uint64_t i = 0; i < 10; ++i) CHECK(try_send(*channel, i) == Status::ok);
    CHECK(is_readable(*mailbox));
    std::size_t next = 0;
    mailbox->drain([&](Waiter& waiter) {
      CHECK(&AsyncWait::of(waiter) == &pending[next].wait);
      CHECK(AsyncWait::of(waiter).take_result().status == Status::ok);
      CHECK(number_in(pending[next].receive.item()) == next);
      ++next;
    });
    CHECK(next == 10);
    CHECK_FALSE(is_readable(*mailbox));
    mailbox->drain([&](Waiter&) { FAIL_CHECK("nothing is left"); });
  }

  TEST_CASE("what is ready needs no mailbox") {
    auto mailbox = Mailbox::create(no_interpreter);
    auto channel = channel_of(1);
    CHECK(try_send(*channel, 4) == Status::ok);
    PendingReceive pending(mailbox, *channel);
    CHECK(pending.wait.start().status == Status::ok);
    CHECK(number_in(pending.receive.item()) == 4);
    CHECK_FALSE(is_readable(*mailbox));
  }

  TEST_CASE("threads and loops wait in one line") {
    auto mailbox = Mailbox::create(no_interpreter);
    auto channel = channel_of(0);
    auto first = in_thread([&] { return receive_number(*channel); });
    REQUIRE(eventually([&] { return channel->waiting_receivers() == 1; }));
    PendingReceive second(mailbox, *channel);
    CHECK(second.wait.start().status == Status::pending);
    auto third = in_thread([&] { return receive_number(*channel); });
    REQUIRE(eventually([&] { return channel->waiting_receivers() == 3; }));
    for (std::uint64_t i = 1; i <= 3; ++i) CHECK(try_send(*channel, i) == Status::ok);
    CHECK(first.get() == 1);
    CHECK(third.get() == 3);
    mailbox->drain(
        [&](Waiter& waiter) { CHECK(AsyncWait::of(waiter).take_result().status == Status::ok); });
    CHECK(number_in(second.receive.item()) == 2);
  }

  TEST_CASE("cancel, in time and too late") {
    auto mailbox = Mailbox::create(no_interpreter);
    auto channel = channel_of(0);
    {
      PendingReceive pending(mailbox, *channel);
      CHECK(pending.wait.start().status == Status::pending);
      CHECK(pending.wait.cancel().status == Status::cancelled);
      CHECK(channel->waiting_receivers() == 0);
    }
    PendingReceive pending(mailbox, *channel);
    CHECK(pending.wait.start().status == Status::pending);
    CHECK(try_send(*channel, 3) == Status::ok);
    CHECK(pending.wait.cancel().status == Status::pending);
    mailbox->drain([&](Waiter& waiter) {
      CHECK(AsyncWait::of(waiter).take_result().status == Status::ok);
      channel->put_back(std::move(pending.receive.item()));
    });
    CHECK(receive_number(*channel) == 3);
  }

  TEST_CASE("closed and destroyed come through the mailbox, too") {
    auto mailbox = Mailbox::create(no_interpreter);
    auto closed = channel_of(0);
    auto destroyed = channel_of(0);
    PendingReceive first(mailbox, *closed);
    PendingReceive second(mailbox, *destroyed);
    CHECK(first.wait.start().status == Status::pending);
    CHECK(second.wait.start().status == Status::pending);
    CHECK(closed->close(Channel::Close::now) == Status::ok);
    destroyed->destroy_for_all();
    std::vector<Status> statuses;
    mailbox->drain(
        [&](Waiter& waiter) { statuses.push_back(AsyncWait::of(waiter).take_result().status); });
    CHECK(statuses == std::vector{Status::closed, Status::destroyed});
  }

  TEST_CASE("timers: the loop calls when the deadline is over") {
    auto mailbox = Mailbox::create(no_interpreter);
    auto channel = channel_of(0);
    auto timer = Timer::after(0.002);
    Receive receive(*channel);
    Tick tick(*timer);
    Operation* const operations[] = {&receive, &tick};
    AsyncWait wait(mailbox, operations);
    CHECK(wait.start().status == Status::pending);
    CHECK(wait.deadline() == timer->next());
    CHECK(wait.expire().status == Status::pending);  // too early
    CHECK(channel->waiting_receivers() == 1);
    REQUIRE(eventually([&] { return wait.deadline().is_over(); }));
    const Selected selected = wait.expire();
    CHECK(selected.status == Status::ok);
    CHECK(selected.index == 1);
    CHECK(channel->waiting_receivers() == 0);
  }

  TEST_CASE("closing the interpreter wakes its loop") {
    auto mine = Mailbox::create(21);
    auto others = Mailbox::create(22);
    CHECK(begin_closing(21) == Status::ok);
    CHECK(is_readable(*mine));
    CHECK(mine->is_closing());
    CHECK_FALSE(is_readable(*others));
    auto late = Mailbox::create(21);
    CHECK(late->is_closing());
    CHECK(is_readable(*late));
    auto channel = channel_of(0);
    PendingReceive pending(mine, *channel);
    CHECK(pending.wait.start().status == Status::interpreter_closed);
    end_closing(21);
    CHECK_FALSE(Mailbox::create(21)->is_closing());
  }

  TEST_CASE("many threads complete, one loop drains") {
    auto mailbox = Mailbox::create(no_interpreter);
    auto channel = channel_of(0);
    const std::uint64_t items = is_sanitized ? 20'000 : 100'000;
    constexpr std::uint64_t senders = 4;
    std::vector<std::future<bool>> threads;
    for (std::uint64_t s = 0; s < senders; ++s) {
      threads.push_back(in_thread([&, s] {
        for (std::uint64_t i = s; i < items; i += senders) {
          if (send(*channel, i) != Status::ok) return false;
        }
        return true;
      }));
    }
    std::vector<bool> seen(items, false);
    std::uint64_t received = 0;
    std::uint64_t pending_count = 0;
    const auto note = [&](PendingReceive& pending) {
      const std::uint64_t number = number_in(pending.receive.item());
      REQUIRE(number < items);
      REQUIRE_FALSE(seen[number]);
      seen[number] = true;
      ++received;
    };
    std::map<Waiter*, std::unique_ptr<PendingReceive>> waiting;
    while (received < items) {
      while (pending_count < 16 && received + pending_count < items) {
        auto pending = std::make_unique<PendingReceive>(mailbox, *channel);
        const Selected selected = pending->wait.start();
        if (selected.status == Status::ok) {
          note(*pending);
        } else {
          REQUIRE(selected.status == Status::pending);
          ++pending_count;
          waiting.emplace(&pending->wait, std::move(pending));
        }
      }
      if (received < items && pending_count > 0) REQUIRE(is_readable(*mailbox, 60'000));
      mailbox->drain([&](Waiter& waiter) {
        const auto found = waiting.find(&waiter);
        REQUIRE(found != waiting.end());
        REQUIRE(found->second->wait.take_result().status == Status::ok);
        note(*found->second);
        waiting.erase(found);
        --pending_count;
      });
    }
    for (auto& thread : threads) CHECK(thread.get());
  }

  TEST_CASE("the last push may outlive the loop's own reference") {
    for (int round = 0; round < 500; ++round) {
      auto mailbox = Mailbox::create(no_interpreter);
      auto channel = channel_of(0);
      auto pending = std::make_unique<PendingReceive>(mailbox, *channel);
      REQUIRE(pending->wait.start().status == Status::pending);
      auto sender = in_thread([&] { return try_send(*channel, 1); });
      bool is_drained = false;
      REQUIRE(eventually([&] {
        mailbox->drain([&](Waiter& waiter) {
          is_drained = AsyncWait::of(waiter).take_result().status == Status::ok;
        });
        return is_drained;
      }));
      pending.reset();
      mailbox = nullptr;  // perhaps before the pusher has written the eventfd
      CHECK(sender.get() == Status::ok);
    }
  }
}
