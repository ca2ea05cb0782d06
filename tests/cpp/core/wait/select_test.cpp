// What Go's test/chan/select*.go and crossbeam-channel's tests/select.rs demand.
#include "core/wait/select.hpp"

#include <algorithm>
#include <atomic>
#include <deque>

#include "core/channel/timer.hpp"
#include "core/support.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

TEST_SUITE("select") {
  TEST_CASE("takes what is ready, leaves the rest alone") {
    auto ready = channel_of(1);
    auto empty = channel_of(1);
    auto full = channel_of(1);
    CHECK(try_send(*ready, 1) == Status::ok);
    CHECK(try_send(*full, 2) == Status::ok);
    Receive from_empty(*empty);
    Send to_full(*full, number_item(3));
    Receive from_ready(*ready);
    Operation* const operations[] = {&from_empty, &to_full, &from_ready};
    const Selected selected = select(operations);
    CHECK(selected.status == Status::ok);
    CHECK(selected.index == 2);
    CHECK(number_in(from_ready.item()) == 1);
    CHECK(number_in(to_full.item()) == 3);
    CHECK(full->count() == 1);
    CHECK(empty->waiting_receivers() == 0);
    CHECK(full->waiting_senders() == 0);
    CHECK(try_select(operations).status == Status::pending);
  }

  TEST_CASE("nil cases are never ready") {
    auto channel = channel_of(1);
    Receive receive(*channel);
    Operation* const operations[] = {nullptr, &receive, nullptr};
    CHECK(try_select(operations).status == Status::pending);
    CHECK(select(operations, {.deadline = Deadline::after(0.001)}).status == Status::timed_out);
    CHECK(try_send(*channel, 1) == Status::ok);
    const Selected selected = select(operations);
    CHECK(selected.status == Status::ok);
    CHECK(selected.index == 1);
    Operation* const nothing[] = {nullptr};
    CHECK(select(nothing, {.deadline = Deadline::after(0.001)}).status == Status::timed_out);
    CHECK(select({}, {.deadline = Deadline::after(0.001)}).status == Status::timed_out);
    CHECK(try_select({}).status == Status::pending);
  }

  TEST_CASE("waits for the first of several") {
    for (std::size_t served = 0; served < 4; ++served) {
      auto first = channel_of(0);
      auto second = channel_of(3);
      auto third = channel_of(0);
      auto fourth = channel_of(1);
      CHECK(try_send(*fourth, 0) == Status::ok);
      auto selecting = in_thread([&] {
        Receive a(*first);
        Receive b(*second);
        Send c(*third, number_item(30));
        Send d(*fourth, number_item(40));
        Operation* const operations[] = {&a, &b, &c, &d};
        const Selected selected = select(operations);
        std::vector<std::uint64_t> items{number_in(a.item()), number_in(b.item()),
                                         number_in(c.item()), number_in(d.item())};
        return std::pair(selected, items);
      });
      REQUIRE(eventually([&] { return fourth->waiting_senders() == 1; }));
      REQUIRE(eventually([&] { return third->waiting_senders() == 1; }));
      REQUIRE(eventually([&] { return first->waiting_receivers() == 1; }));
      REQUIRE(eventually([&] { return second->waiting_receivers() == 1; }));
      switch (served) {
        case 0:
          CHECK(try_send(*first, 10) == Status::ok);
          break;
        case 1:
          CHECK(try_send(*second, 20) == Status::ok);
          break;
        case 2:
          CHECK(receive_number(*third) == 30);
          break;
        default:
          CHECK(receive_number(*fourth) == 0);
      }
      const auto [selected, items] = selecting.get();
      CHECK(selected.status == Status::ok);
      CHECK(selected.index == served);
      constexpr std::uint64_t none = ~std::uint64_t{0};
      CHECK(items == std::vector<std::uint64_t>{served == 0 ? 10 : none, served == 1 ? 20 : none,
                                                served == 2 ? none : 30, served == 3 ? none : 40});
      CHECK(first->waiting_receivers() == 0);
      CHECK(second->waiting_receivers() == 0);
      CHECK(third->waiting_senders() == 0);
      CHECK(fourth->waiting_senders() == 0);
      CHECK(fourth->count() == 1);
    }
  }

  TEST_CASE("a closed channel is ready") {
    auto channel = channel_of(0);
    auto other = channel_of(0);
    auto selecting = in_thread([&] {
      Receive a(*channel);
      Receive b(*other);
      Operation* const operations[] = {&a, &b};
      return select(operations);
    });
    REQUIRE(
        eventually([&] { return channel->waiting_receivers() + other->waiting_receivers() == 2; }));
    CHECK(other->close(Channel::Close::sending) == Status::ok);
    const Selected selected = selecting.get();
    CHECK(selected.status == Status::closed);
    CHECK(selected.index == 1);
    CHECK(channel->waiting_receivers() == 0);
    channel->destroy_for_all();
    Send send(*channel, number_item(1));
    Operation* const operations[] = {&send};
    CHECK(select(operations).status == Status::destroyed);
  }

  TEST_CASE("fair among what is ready") {
    auto first = channel_of(Channel::unbounded);
    auto second = channel_of(Channel::unbounded);
    constexpr int count = 10'000;
    for (std::uint64_t i = 0; i < count; ++i) {
      CHECK(try_send(*first, i) == Status::ok);
      CHECK(try_send(*second, i) == Status::ok);
    }
    Receive a(*first);
    Receive b(*second);
    Operation* const operations[] = {&a, &b};
    int chosen[2] = {0, 0};
    for (int i = 0; i < count; ++i) ++chosen[select(operations).index];
    CHECK(chosen[0] + chosen[1] == count);
    CHECK(chosen[0] >= count * 4 / 10);
    CHECK(chosen[0] <= count * 6 / 10);
  }

  TEST_CASE("fair among many, also with more than fit without an allocation") {
    for (std::size_t cases : {3, 16, 40}) {
      std::vector<Handle<Channel>> channels;
      std::deque<Receive> receives;
      std::vector<Operation*> operations;
      for (std::size_t i = 0; i < cases; ++i) {
        channels.push_back(channel_of(1));
        CHECK(try_send(*channels.back(), i) == Status::ok);
        operations.push_back(&receives.emplace_back(*channels.back()));
      }
      std::vector<int> chosen(cases, 0);
      const int rounds = static_cast<int>(cases) * 1000;
      for (int i = 0; i < rounds; ++i) {
        const Selected selected = select(operations);
        REQUIRE(selected.status == Status::ok);
        ++chosen[selected.index];
        REQUIRE(try_send(*channels[selected.index], 0) == Status::ok);
      }
      for (int times : chosen) {
        CHECK(times > 800);
        CHECK(times < 1200);
      }
    }
  }

  TEST_CASE("the given order") {
    auto first = channel_of(Channel::unbounded);
    auto second = channel_of(Channel::unbounded);
    for (std::uint64_t i = 0; i < 3; ++i) {
      CHECK(try_send(*first, i) == Status::ok);
      CHECK(try_send(*second, i) == Status::ok);
    }
    Receive a(*first);
    Receive b(*second);
    Operation* const operations[] = {&b, &a};
    std::vector<std::size_t> chosen;
    for (int i = 0; i < 6; ++i) chosen.push_back(select(operations, {}, Order::given).index);
    CHECK(chosen == std::vector<std::size_t>{0, 0, 0, 1, 1, 1});
  }

  TEST_CASE("both directions on one channel do not meet each other") {
    for (std::size_t capacity : {std::size_t{0}, std::size_t{1}}) {
      for (bool until_received : {false, true}) {
        if (capacity > 0 && !until_received) continue;  // the send would be ready
        auto channel = channel_of(capacity);
        for (bool from_outside : {false, true}) {
          auto selecting = in_thread([&] {
            Send send(*channel, number_item(1), until_received);
            Receive receive(*channel);
            Operation* const operations[] = {&send, &receive};
            const Selected selected = select(operations);
            return std::pair(selected.index, number_in(receive.item()));
          });
          REQUIRE(eventually([&] {
            return channel->waiting_senders() == 1 && channel->waiting_receivers() == 1;
          }));
          if (from_outside) {
            CHECK(try_send(*channel, 2) == Status::ok);
            CHECK(selecting.get() == std::pair(std::size_t{1}, std::uint64_t{2}));
          } else {
            CHECK(receive_number(*channel) == 1);
            CHECK(selecting.get().first == 0);
          }
          CHECK(channel->waiting_senders() == 0);
          CHECK(channel->waiting_receivers() == 0);
          CHECK(channel->count() == 0);
        }
        Send send(*channel, number_item(1), until_received);
        Receive receive(*channel);
        Operation* const operations[] = {&send, &receive};
        CHECK(select(operations, {.deadline = Deadline::after(0.001)}).status == Status::timed_out);
        CHECK(number_in(send.item()) == 1);
        CHECK(channel->count() == 0);
      }
    }
  }

  TEST_CASE("the same channel several times") {
    auto channel = channel_of(0);
    auto selecting = in_thread([&] {
      Receive a(*channel);
      Receive b(*channel);
      Receive c(*channel);
      Operation* const operations[] = {&a, &b, &c};
      const Selected selected = select(operations);
      Receive* const receives[] = {&a, &b, &c};
      return number_in(receives[selected.index]->item());
    });
    REQUIRE(eventually([&] { return channel->waiting_receivers() == 3; }));
    CHECK(try_send(*channel, 9) == Status::ok);
    CHECK(selecting.get() == 9);
    CHECK(channel->waiting_receivers() == 0);
    CHECK(try_send(*channel, 10) == Status::pending);
  }

  TEST_CASE("two selects meet") {
    auto channel = channel_of(0);
    auto unused = channel_of(0);
    auto receiving = in_thread([&] {
      Receive a(*channel);
      Receive b(*unused);
      Operation* const operations[] = {&a, &b};
      const Selected selected = select(operations);
      return std::pair(selected.index, number_in(a.item()));
    });
    Send a(*channel, number_item(6));
    Receive b(*unused);
    Operation* const operations[] = {&b, &a};
    const Selected selected = select(operations);
    CHECK(selected.index == 1);
    CHECK(receiving.get() == std::pair(std::size_t{0}, std::uint64_t{6}));
  }

  TEST_CASE("crossing selects: everybody is in several lines at once, nobody is lost") {
    // Each of four threads offers on its own channel and takes from all others, until it has
    // received its share. All have one waiter in eight lists.
    constexpr std::size_t threads = 4;
    const std::uint64_t rounds = is_sanitized ? 5'000 : 30'000;
    std::vector<Handle<Channel>> channels;
    for (std::size_t i = 0; i < threads; ++i) channels.push_back(channel_of(0));
    auto done = channel_of(0);
    std::atomic<std::uint64_t> received{0};
    std::vector<std::future<std::vector<std::uint64_t>>> selecting;
    std::vector<std::uint64_t> sent(threads, 0);
    for (std::size_t self = 0; self < threads; ++self) {
      selecting.push_back(in_thread([&, self] {
        std::vector<std::uint64_t> got(threads, 0);
        Send offer(*channels[self], number_item(0));
        std::deque<Receive> receives;
        std::vector<Operation*> operations{&offer};
        for (std::size_t other = 0; other < threads; ++other) {
          operations.push_back(other == self ? nullptr : &receives.emplace_back(*channels[other]));
        }
        Receive until_done(*done);
        operations.push_back(&until_done);
        for (;;) {
          if (offer.item().message.bytes().empty()) offer.item() = number_item(sent[self]);
          const Selected selected = select(operations);
          if (selected.index == threads + 1) return got;
          if (selected.status != Status::ok) return std::vector<std::uint64_t>{};
          if (selected.index == 0) {
            ++sent[self];
            continue;
          }
          auto& receive = static_cast<Receive&>(*operations[selected.index]);
          if (number_in(receive.item()) >= rounds * threads) return std::vector<std::uint64_t>{};
          ++got[selected.index - 1];
          if (++received == rounds) (void)done->close(Channel::Close::now);
        }
      }));
    }
    std::vector<std::uint64_t> got(threads, 0);
    for (auto& thread : selecting) {
      const auto part = thread.get();
      REQUIRE(part.size() == threads);
      for (std::size_t i = 0; i < threads; ++i) got[i] += part[i];
    }
    CHECK(got == sent);
    CHECK(received >= rounds);
  }

  TEST_CASE("selects race single operations: nothing is lost, nothing is doubled") {
    for (std::size_t capacity : {0, 1, 10}) {
      auto first = channel_of(capacity);
      auto second = channel_of(capacity);
      const std::uint64_t items = is_sanitized ? 10'000 : 50'000;
      std::vector<std::future<bool>> senders;
      for (Channel* channel : {first.get(), second.get()}) {
        senders.push_back(in_thread([&, channel] {
          for (std::uint64_t i = 1; i <= items; ++i) {
            if (send(*channel, i) != Status::ok) return false;
          }
          return true;
        }));
      }
      // A sender that offers the same numbers to either.
      senders.push_back(in_thread([&] {
        for (std::uint64_t i = 1; i <= items; ++i) {
          Send a(*first, number_item(i));
          Send b(*second, number_item(i));
          Operation* const operations[] = {&a, &b};
          const Selected selected = select(operations);
          if (selected.status != Status::ok) return false;
          if (number_in((selected.index == 0 ? b : a).item()) != i) return false;
        }
        return true;
      }));
      std::vector<std::future<std::uint64_t>> receivers;
      for (int i = 0; i < 3; ++i) {
        receivers.push_back(in_thread([&] {
          std::uint64_t sum = 0;
          Receive a(*first);
          Receive b(*second);
          Operation* operations[] = {&a, &b};
          while (operations[0] || operations[1]) {
            const Selected selected = select(operations);
            if (selected.status != Status::ok) {
              operations[selected.index] = nullptr;  // a nil case from now on
            } else {
              sum += number_in((selected.index == 0 ? a : b).item());
            }
          }
          return sum;
        }));
      }
      for (auto& sender : senders) CHECK(sender.get());
      CHECK(first->close(Channel::Close::sending) == Status::ok);
      CHECK(second->close(Channel::Close::sending) == Status::ok);
      std::uint64_t sum = 0;
      for (auto& receiver : receivers) sum += receiver.get();
      CHECK(sum == 3 * items * (items + 1) / 2);
    }
  }

  TEST_CASE("selects of waiting-until-received sends give back what they did not send") {
    auto first = channel_of(Channel::unbounded);
    auto second = channel_of(2);
    const std::uint64_t items = is_sanitized ? 5'000 : 30'000;
    std::vector<std::future<bool>> senders;
    for (int s = 0; s < 2; ++s) {
      senders.push_back(in_thread([&] {
        for (std::uint64_t i = 1; i <= items; ++i) {
          Send a(*first, number_item(i), true);
          Send b(*second, number_item(i), true);
          Operation* const operations[] = {&a, &b};
          const Selected selected = select(operations);
          if (selected.status != Status::ok) return false;
          if (number_in((selected.index == 0 ? b : a).item()) != i) return false;
        }
        return true;
      }));
    }
    std::vector<std::future<std::uint64_t>> receivers;
    for (Channel* channel : {first.get(), second.get()}) {
      receivers.push_back(in_thread([channel] {
        std::uint64_t sum = 0;
        Item item;
        while (channel->receive(item) == Status::ok) sum += number_in(item);
        return sum;
      }));
    }
    for (auto& sender : senders) CHECK(sender.get());
    CHECK(first->close(Channel::Close::sending) == Status::ok);
    CHECK(second->close(Channel::Close::sending) == Status::ok);
    CHECK(receivers[0].get() + receivers[1].get() == items * (items + 1));
    CHECK(first->count() == 0);
    CHECK(second->count() == 0);
  }

  TEST_CASE("a wait can be cancelled, and says what came before") {
    auto channel = channel_of(0);
    Receive receive(*channel);
    Operation* const operations[] = {&receive};
    {
      Wait wait(operations, {});
      CHECK(wait.start().status == Status::pending);
      CHECK(wait.cancel().status == Status::cancelled);
      CHECK(wait.wait().status == Status::cancelled);
    }
    Wait wait(operations, {});
    CHECK(wait.start().status == Status::pending);
    Parker::current()->interrupt();
    CHECK(wait.wait().status == Status::interrupted);
    CHECK(channel->waiting_receivers() == 1);
    CHECK(try_send(*channel, 3) == Status::ok);
    CHECK(wait.cancel().status == Status::ok);
    CHECK(number_in(receive.item()) == 3);
  }

  TEST_CASE("a closing interpreter ends its selects, timers or not") {
    auto first = channel_of(0);
    auto second = channel_of(0);
    auto timer = Timer::after(1e9);
    auto selecting = in_thread([&] {
      Receive a(*first);
      Receive b(*second);
      Tick tick(*timer);
      Operation* const operations[] = {&a, &b, &tick};
      return select(operations, {.interpreter = 31}).status;
    });
    REQUIRE(
        eventually([&] { return first->waiting_receivers() + second->waiting_receivers() == 2; }));
    CHECK(begin_closing(31) == Status::ok);
    CHECK(selecting.get() == Status::interpreter_closed);
    CHECK(first->waiting_receivers() == 0);
    end_closing(31);
  }
}
