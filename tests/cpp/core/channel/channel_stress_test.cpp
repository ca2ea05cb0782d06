// Channels under many threads: nothing lost, nothing twice, nobody left asleep.
#include <algorithm>
#include <atomic>
#include <memory>

#include "core/support.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

namespace {

constexpr std::uint64_t sender_shift = 32;

/// Every item says who sent it and its number there. Each receiver sees each sender's items in
/// order; together they see all of them, once.
void check_no_loss(Channel& channel, std::uint64_t senders, std::uint64_t receivers,
                   std::uint64_t items, bool until_received) {
  const std::uint64_t per_sender = items / senders;
  std::vector<std::future<bool>> sending;
  std::vector<std::future<std::vector<std::uint64_t>>> receiving;
  for (std::uint64_t sender = 0; sender < senders; ++sender) {
    sending.push_back(in_thread([&, sender] {
      for (std::uint64_t i = 0; i < per_sender; ++i) {
        Item item = number_item(sender << sender_shift | i);
        if (channel.send(item, {}, until_received) != Status::ok) return false;
      }
      return true;
    }));
  }
  for (std::uint64_t receiver = 0; receiver < receivers; ++receiver) {
    receiving.push_back(in_thread([&] {
      std::vector<std::uint64_t> seen;
      Item item;
      while (channel.receive(item) == Status::ok) seen.push_back(number_in(item));
      return seen;
    }));
  }
  for (auto& sender : sending) CHECK(sender.get());
  CHECK(channel.close(Channel::Close::sending) == Status::ok);
  std::vector<std::uint64_t> all;
  for (auto& receiver : receiving) {
    const auto seen = receiver.get();
    std::vector<std::uint64_t> last(senders, 0);
    bool in_order = true;
    for (std::uint64_t number : seen) {
      const std::uint64_t sender = number >> sender_shift;
      const std::uint64_t i = (number & 0xFFFFFFFF) + 1;
      if (sender >= senders || i <= last[sender]) {
        in_order = false;
        break;
      }
      last[sender] = i;
    }
    CHECK(in_order);
    all.insert(all.end(), seen.begin(), seen.end());
  }
  std::sort(all.begin(), all.end());
  REQUIRE(all.size() == per_sender * senders);
  bool is_complete = true;
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    is_complete = is_complete && all[i] == ((i / per_sender) << sender_shift | i % per_sender);
  }
  CHECK(is_complete);
}

}  // namespace

TEST_SUITE("channel stress") {
  TEST_CASE("8 senders, 8 receivers, 1,000,000 items") {
    const std::uint64_t items = is_sanitized ? 200'000 : 1'000'000;
    SUBCASE("unbounded") {
      auto channel = channel_of(Channel::unbounded);
      check_no_loss(*channel, 8, 8, items, false);
    }
    SUBCASE("room for 100") {
      auto channel = channel_of(100);
      check_no_loss(*channel, 8, 8, items, false);
    }
    SUBCASE("room for 1") {
      auto channel = channel_of(1);
      check_no_loss(*channel, 8, 8, items / 10, false);
    }
    SUBCASE("capacity 0") {
      auto channel = channel_of(0);
      check_no_loss(*channel, 8, 8, items / 10, false);
    }
    SUBCASE("until received") {
      auto channel = channel_of(Channel::unbounded);
      check_no_loss(*channel, 8, 8, items / 10, true);
    }
    SUBCASE("until received, room for 2") {
      auto channel = channel_of(2);
      check_no_loss(*channel, 8, 8, items / 10, true);
    }
  }

  TEST_CASE("10,000 timeouts race sends: an item is received or still the sender's") {
    for (std::size_t capacity : {std::size_t{0}, std::size_t{1}, Channel::unbounded}) {
      auto channel = channel_of(capacity);
      constexpr int rounds = 10'000;
      std::atomic<std::uint64_t> sent_sum{0};
      auto sender = in_thread([&] {
        std::uint64_t sum = 0;
        for (int i = 1; i <= rounds; ++i) {
          Item item = number_item(static_cast<std::uint64_t>(i));
          const Deadline deadline = Deadline::after(1e-6 * (i % 20));
          const Status status = channel->send(item, {.deadline = deadline}, true);
          if (status == Status::ok) {
            sum += static_cast<std::uint64_t>(i);
          } else if (number_in(item) != static_cast<std::uint64_t>(i)) {
            return false;
          }
        }
        sent_sum = sum;
        return channel->close(Channel::Close::sending) == Status::ok;
      });
      auto receiver = in_thread([&] {
        std::uint64_t sum = 0;
        for (int i = 0;; ++i) {
          Item item;
          const Deadline deadline = Deadline::after(1e-6 * (i % 17));
          const Status status = channel->receive(item, {.deadline = deadline});
          if (status == Status::closed) return sum;
          if (status == Status::ok) sum += number_in(item);
        }
      });
      CHECK(sender.get());
      CHECK(receiver.get() == sent_sum);
    }
  }

  TEST_CASE("close races senders and receivers") {
    const int rounds = is_sanitized ? 300 : 2000;
    for (int round = 0; round < rounds; ++round) {
      auto channel = channel_of(static_cast<std::size_t>(round % 3));
      std::vector<std::future<Status>> threads;
      for (int i = 0; i < 2; ++i) {
        threads.push_back(in_thread([channel] {
          Status status = Status::ok;
          while (status == Status::ok) status = send(*channel, 1);
          return status;
        }));
        threads.push_back(in_thread([channel] {
          Item item;
          Status status = Status::ok;
          while (status == Status::ok) status = channel->receive(item);
          return status;
        }));
      }
      Status expected = Status::closed;
      switch (round / 3 % 3) {
        case 0:
          (void)channel->close(Channel::Close::sending);
          break;
        case 1:
          (void)channel->close(Channel::Close::now);
          break;
        default:
          channel->destroy_for_all();
          expected = Status::destroyed;
      }
      for (auto& thread : threads) REQUIRE(thread.get() == expected);
    }
  }

  TEST_CASE("interpreters go while items flow") {
    auto channel = channel_of(64);
    const std::uint64_t items = is_sanitized ? 20'000 : 100'000;
    std::vector<std::future<Status>> senders;
    for (InterpreterId id : {1, 2, 3}) {
      senders.push_back(in_thread([&, id] {
        for (std::uint64_t i = 0; i < items; ++i) {
          Item item = number_item(i, id, i % 2 ? UnboundPolicy::remove : UnboundPolicy::unbound);
          const Status status = channel->send(item);
          if (status != Status::ok) return status;
        }
        return Status::ok;
      }));
    }
    std::uint64_t kept = 0;
    auto receiver = in_thread([&] {
      Item item;
      while (channel->receive(item) == Status::ok) kept += item.policy == UnboundPolicy::unbound;
    });
    auto sweeper = in_thread([&] {
      for (int i = 0; i < 1000; ++i) channel->interpreter_gone(i % 4);
    });
    for (auto& sender : senders) CHECK(sender.get() == Status::ok);
    sweeper.get();
    CHECK(channel->close(Channel::Close::sending) == Status::ok);
    receiver.get();
    CHECK(kept == 3 * items / 2);
  }

  TEST_CASE("closing interpreters race blocked threads") {
    const int rounds = is_sanitized ? 200 : 1000;
    auto channel = channel_of(0);
    for (int round = 0; round < rounds; ++round) {
      const InterpreterId id = 100 + round;
      auto first = in_thread([&] {
        Item item;
        return channel->receive(item, {.interpreter = id});
      });
      auto second = in_thread([&] {
        Item item;
        return channel->receive(item, {.interpreter = id});
      });
      REQUIRE(begin_closing(id) == Status::ok);
      CHECK(first.get() == Status::interpreter_closed);
      CHECK(second.get() == Status::interpreter_closed);
      end_closing(id);
    }
    CHECK(channel->waiting_receivers() == 0);
  }
}
