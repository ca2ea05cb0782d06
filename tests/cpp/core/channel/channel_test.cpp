// What Go's test/chan and runtime/chan_test.go demand of channels, and what PEP 734 and PEP 554
// add.
#include "core/channel/channel.hpp"

#include <atomic>
#include <memory>

#include "core/registry/queue.hpp"
#include "core/support.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

namespace {

/// Counts its living instances; travels as an attachment.
class Witness final : public Object {
 public:
  explicit Witness(std::atomic<int>& alive) noexcept : alive_(alive) { ++alive_; }

 private:
  ~Witness() override { --alive_; }
  std::atomic<int>& alive_;
};

Item witnessed(std::atomic<int>& alive, InterpreterId sender = no_interpreter,
               UnboundPolicy policy = UnboundPolicy::keep) {
  Item item = number_item(1, sender, policy);
  auto attachments = std::make_unique<Attachments>();
  attachments->push_back(Handle<Witness>::make(alive));
  item.message.attach(std::move(attachments));
  return item;
}

}  // namespace

TEST_SUITE("channel") {
  TEST_CASE("bounded: first in, first out, full and empty") {
    auto channel = channel_of(3);
    Item item;
    CHECK(channel->try_receive(item) == Status::pending);
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(try_send(*channel, i) == Status::ok);
    CHECK(channel->is_full());
    CHECK(channel->count() == 3);
    item = number_item(99);
    CHECK(channel->try_send(item) == Status::pending);
    CHECK(number_in(item) == 99);
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(receive_number(*channel) == i);
    CHECK(channel->count() == 0);
  }

  TEST_CASE("unbounded: order survives many blocks, also in waves") {
    auto channel = channel_of(Channel::unbounded);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (int wave = 1; wave < 200; ++wave) {
      for (int i = 0; i < wave; ++i) CHECK(try_send(*channel, sent++) == Status::ok);
      for (int i = 0; i < wave - 1; ++i) CHECK(receive_number(*channel) == received++);
    }
    CHECK(channel->count() == sent - received);
    while (received < sent) CHECK(receive_number(*channel) == received++);
    CHECK(channel->count() == 0);
  }

  TEST_CASE("capacity 0: a send is complete when the item was received") {
    auto channel = channel_of(0);
    CHECK(try_send(*channel, 1) == Status::pending);
    std::atomic<bool> is_sent{false};
    auto sender = in_thread([&] {
      const Status status = send(*channel, 7);
      is_sent = true;
      return status;
    });
    REQUIRE(eventually([&] { return channel->waiting_senders() == 1; }));
    CHECK_FALSE(is_sent);
    CHECK(channel->count() == 0);
    CHECK(receive_number(*channel) == 7);
    CHECK(sender.get() == Status::ok);
  }

  TEST_CASE("an item goes to a receiver that waits, past the buffer") {
    for (std::size_t capacity : {std::size_t{0}, std::size_t{2}, Channel::unbounded}) {
      auto channel = channel_of(capacity);
      auto receiver = in_thread([&] { return receive_number(*channel); });
      REQUIRE(eventually([&] { return channel->waiting_receivers() == 1; }));
      CHECK(try_send(*channel, 5) == Status::ok);
      CHECK(channel->count() == 0);
      CHECK(receiver.get() == 5);
    }
  }

  TEST_CASE("receivers are served in the order in which they came") {
    auto channel = channel_of(0);
    std::vector<std::future<std::uint64_t>> receivers;
    for (std::size_t i = 0; i < 5; ++i) {
      receivers.push_back(in_thread([&] { return receive_number(*channel); }));
      REQUIRE(eventually([&] { return channel->waiting_receivers() == i + 1; }));
    }
    for (std::uint64_t i = 0; i < 5; ++i) CHECK(try_send(*channel, i) == Status::ok);
    for (std::uint64_t i = 0; i < 5; ++i) CHECK(receivers[i].get() == i);
  }

  TEST_CASE("receivers at the front of the line are served last come, first") {
    auto channel = channel_of(Channel::unbounded);
    std::vector<std::future<std::uint64_t>> receivers;
    const auto add = [&](Receive::Line line) {
      receivers.push_back(in_thread([&channel, line] {
        Receive receive(*channel, line);
        return wait_for(receive) == Status::ok ? number_in(receive.item()) : ~std::uint64_t{0};
      }));
      REQUIRE(eventually([&] { return channel->waiting_receivers() == receivers.size(); }));
    };
    add(Receive::Line::back);
    add(Receive::Line::front);
    add(Receive::Line::front);
    add(Receive::Line::back);
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(try_send(*channel, i) == Status::ok);
    constexpr std::size_t served[] = {2, 1, 0, 3};
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(receivers[served[i]].get() == i);
  }

  TEST_CASE("a receiver at the front of the line leaves it") {
    auto channel = channel_of(1);
    auto other = in_thread([&] { return receive_number(*channel); });
    REQUIRE(eventually([&] { return channel->waiting_receivers() == 1; }));
    Receive receive(*channel, Receive::Line::front);
    CHECK(wait_for(receive, {.deadline = Deadline::after(0.001)}) == Status::timed_out);
    CHECK(channel->waiting_receivers() == 1);
    CHECK(try_send(*channel, 5) == Status::ok);
    CHECK(other.get() == 5);
  }

  TEST_CASE("senders are served in the order in which they came") {
    for (std::size_t capacity : {0, 1, 3}) {
      auto channel = channel_of(capacity);
      std::uint64_t next = 0;
      for (; next < capacity; ++next) CHECK(try_send(*channel, next) == Status::ok);
      std::vector<std::future<Status>> senders;
      for (std::size_t i = 0; i < 5; ++i) {
        senders.push_back(in_thread([&, number = next++] { return send(*channel, number); }));
        REQUIRE(eventually([&] { return channel->waiting_senders() == i + 1; }));
      }
      // Nobody overtakes those who wait.
      CHECK(try_send(*channel, 1000) == Status::pending);
      for (std::uint64_t i = 0; i < next; ++i) CHECK(receive_number(*channel) == i);
      for (auto& sender : senders) CHECK(sender.get() == Status::ok);
    }
  }

  TEST_CASE("a deadline ends a wait, and nothing is consumed") {
    auto channel = channel_of(1);
    Item item;
    CHECK(channel->receive(item, {.deadline = Deadline::after(0.001)}) == Status::timed_out);
    CHECK(channel->receive(item, {.deadline = Deadline::past()}) == Status::timed_out);
    CHECK(try_send(*channel, 1) == Status::ok);
    item = number_item(2);
    CHECK(channel->send(item, {.deadline = Deadline::after(0.001)}) == Status::timed_out);
    CHECK(number_in(item) == 2);
    CHECK(channel->waiting_senders() == 0);
    CHECK(receive_number(*channel) == 1);
    CHECK(channel->try_receive(item) == Status::pending);
  }

  TEST_CASE("a wait does not end before its deadline") {
    auto channel = channel_of(1);
    Item item;
    for (double seconds : {0.0005, 0.01, 0.05}) {
      const std::int64_t start = monotonic_now();
      CHECK(channel->receive(item, {.deadline = Deadline::after(seconds)}) == Status::timed_out);
      CHECK(static_cast<double>(monotonic_now() - start) * 1e-9 >= seconds);
    }
  }

  TEST_CASE("close(sending): what is there can be received, then it is closed") {
    auto channel = channel_of(4);
    CHECK(try_send(*channel, 1) == Status::ok);
    CHECK(try_send(*channel, 2) == Status::ok);
    CHECK(channel->close(Channel::Close::sending) == Status::ok);
    CHECK(channel->state() == Channel::State::closing);
    CHECK(try_send(*channel, 3) == Status::closed);
    CHECK(channel->close(Channel::Close::sending) == Status::closed);
    CHECK(channel->close(Channel::Close::if_empty) == Status::not_empty);
    CHECK(receive_number(*channel) == 1);
    CHECK(receive_number(*channel) == 2);
    CHECK(channel->state() == Channel::State::closed);
    Item item;
    CHECK(channel->try_receive(item) == Status::closed);
    CHECK(channel->receive(item) == Status::closed);
    CHECK(channel->close(Channel::Close::now) == Status::closed);
  }

  TEST_CASE("close(if_empty) refuses while there are items") {
    auto channel = channel_of(4);
    CHECK(try_send(*channel, 1) == Status::ok);
    CHECK(channel->close(Channel::Close::if_empty) == Status::not_empty);
    CHECK(try_send(*channel, 2) == Status::ok);
    CHECK(receive_number(*channel) == 1);
    CHECK(receive_number(*channel) == 2);
    CHECK(channel->close(Channel::Close::if_empty) == Status::ok);
    CHECK(channel->state() == Channel::State::closed);
  }

  TEST_CASE("close(now) and destroy drop the items") {
    std::atomic<int> alive{0};
    for (bool is_destroy : {false, true}) {
      auto channel = channel_of(Channel::unbounded);
      for (int i = 0; i < 100; ++i) {
        Item item = witnessed(alive);
        CHECK(channel->try_send(item) == Status::ok);
      }
      CHECK(alive == 100);
      if (is_destroy) {
        channel->destroy_for_all();
      } else {
        CHECK(channel->close(Channel::Close::now) == Status::ok);
      }
      CHECK(alive == 0);
      CHECK(channel->count() == 0);
      Item item;
      const Status ended = is_destroy ? Status::destroyed : Status::closed;
      CHECK(channel->try_receive(item) == ended);
      CHECK(try_send(*channel, 1) == ended);
    }
  }

  TEST_CASE("items that nobody received go with the channel") {
    std::atomic<int> alive{0};
    {
      auto channel = channel_of(Channel::unbounded);
      for (int i = 0; i < 50; ++i) {
        Item item = witnessed(alive);
        CHECK(channel->try_send(item) == Status::ok);
      }
      for (int i = 0; i < 20; ++i) CHECK(receive_number(*channel) == 1);
      CHECK(alive == 30);
    }
    CHECK(alive == 0);
  }

  TEST_CASE("an item may hold the channel that carries it") {
    auto channel = channel_of(Channel::unbounded);
    Item item = number_item(1);
    auto attachments = std::make_unique<Attachments>();
    attachments->push_back(channel);
    item.message.attach(std::move(attachments));
    CHECK(channel->try_send(item) == Status::ok);
    CHECK(channel->use_count() == 2);
    channel->destroy_for_all();
    CHECK(channel->use_count() == 1);
  }

  TEST_CASE("who is blocked wakes when the channel ends") {
    enum class Way { sending, now, destroy };
    for (Way way : {Way::sending, Way::now, Way::destroy}) {
      const Status expected = way == Way::destroy ? Status::destroyed : Status::closed;
      auto end = [&](Channel& channel) {
        switch (way) {
          case Way::sending:
            CHECK(channel.close(Channel::Close::sending) == Status::ok);
            break;
          case Way::now:
            CHECK(channel.close(Channel::Close::now) == Status::ok);
            break;
          case Way::destroy:
            channel.destroy_for_all();
            break;
        }
      };
      std::vector<std::future<Status>> threads;
      auto empty = channel_of(1);
      for (int i = 0; i < 4; ++i) {
        threads.push_back(in_thread([&] {
          Item item;
          return empty->receive(item);
        }));
      }
      REQUIRE(eventually([&] { return empty->waiting_receivers() == 4; }));
      end(*empty);
      auto full = channel_of(1);
      CHECK(try_send(*full, 0) == Status::ok);
      for (std::uint64_t i = 0; i < 4; ++i) {
        threads.push_back(in_thread([&, i] {
          Item item = number_item(i);
          const Status status = full->send(item);
          return number_in(item) == i ? status : Status::pending;  // it has its item back
        }));
      }
      REQUIRE(eventually([&] { return full->waiting_senders() == 4; }));
      end(*full);
      for (auto& thread : threads) CHECK(thread.get() == expected);
    }
  }

  TEST_CASE("until_received: a buffered send that waits for its reception") {
    auto channel = channel_of(Channel::unbounded);
    CHECK(try_send(*channel, 1) == Status::ok);
    auto sender = in_thread([&] {
      Item item = number_item(2);
      return channel->send(item, {}, true);
    });
    REQUIRE(eventually([&] { return channel->count() == 2; }));
    CHECK(channel->waiting_senders() == 1);
    CHECK(try_send(*channel, 3) == Status::ok);
    CHECK(receive_number(*channel) == 1);
    CHECK(channel->waiting_senders() == 1);
    CHECK(receive_number(*channel) == 2);  // in its place, between the others
    CHECK(sender.get() == Status::ok);
    CHECK(receive_number(*channel) == 3);
  }

  TEST_CASE("until_received: taken back on timeout, close and destroy") {
    auto channel = channel_of(Channel::unbounded);
    CHECK(try_send(*channel, 1) == Status::ok);
    Item item = number_item(2);
    CHECK(channel->send(item, {.deadline = Deadline::after(0.001)}, true) == Status::timed_out);
    CHECK(number_in(item) == 2);
    CHECK(channel->count() == 1);
    CHECK(try_send(*channel, 3) == Status::ok);
    CHECK(receive_number(*channel) == 1);
    CHECK(receive_number(*channel) == 3);
    CHECK(channel->try_receive(item) == Status::pending);

    for (bool is_destroy : {false, true}) {
      auto other = channel_of(Channel::unbounded);
      auto sender = in_thread([&] {
        Item waiting = number_item(2);
        const Status status = other->send(waiting, {}, true);
        return std::pair(status, number_in(waiting));
      });
      REQUIRE(eventually([&] { return other->waiting_senders() == 1; }));
      if (is_destroy) {
        other->destroy_for_all();
      } else {
        CHECK(other->close(Channel::Close::now) == Status::ok);
      }
      CHECK(sender.get() ==
            std::pair(is_destroy ? Status::destroyed : Status::closed, std::uint64_t{2}));
    }
  }

  TEST_CASE("until_received: closing the sending end leaves the item to be received") {
    auto channel = channel_of(Channel::unbounded);
    auto sender = in_thread([&] {
      Item item = number_item(2);
      return channel->send(item, {}, true);
    });
    REQUIRE(eventually([&] { return channel->count() == 1; }));
    CHECK(channel->close(Channel::Close::sending) == Status::ok);
    CHECK(receive_number(*channel) == 2);
    CHECK(sender.get() == Status::ok);
    CHECK(channel->state() == Channel::State::closed);
  }

  TEST_CASE("until_received: with room for few, the sender waits in both lines") {
    auto channel = channel_of(1);
    CHECK(try_send(*channel, 1) == Status::ok);
    auto sender = in_thread([&] {
      Item item = number_item(2);
      return channel->send(item, {}, true);
    });
    REQUIRE(eventually([&] { return channel->waiting_senders() == 1; }));
    CHECK(receive_number(*channel) == 1);
    CHECK(channel->count() == 1);
    CHECK(channel->waiting_senders() == 1);
    CHECK(receive_number(*channel) == 2);
    CHECK(sender.get() == Status::ok);
  }

  TEST_CASE("a sender that gives up its place in the buffer lets the next one in") {
    auto channel = channel_of(1);
    Item held = number_item(1);
    Send until_received(*channel, std::move(held), true);
    Parker& parker = *Parker::current();
    Waiter waiter(parker);
    CHECK(until_received.enqueue(waiter) == Enqueued::waiting);
    auto second = in_thread([&] { return send(*channel, 2); });
    REQUIRE(eventually([&] { return channel->waiting_senders() == 2; }));
    CHECK(waiter.try_cancel());
    until_received.abandon();
    CHECK(second.get() == Status::ok);
    CHECK(number_in(until_received.item()) == 1);
    CHECK(receive_number(*channel) == 2);
  }

  TEST_CASE("a place held for a party that has gone elsewhere is given to the next sender") {
    auto channel = channel_of(1);
    Send until_received(*channel, number_item(1), true);
    Waiter waiter(*Parker::current());
    CHECK(until_received.enqueue(waiter) == Enqueued::waiting);
    auto second = in_thread([&] { return send(*channel, 2); });
    REQUIRE(eventually([&] { return channel->waiting_senders() == 2; }));
    CHECK(waiter.try_cancel());  // as when another case of a select was served
    CHECK(receive_number(*channel) == 2);
    CHECK(second.get() == Status::ok);
    until_received.abandon();
    CHECK(number_in(until_received.item()) == 1);
    CHECK(channel->count() == 0);
  }

  TEST_CASE("put_back: in front, beyond the capacity") {
    auto channel = channel_of(2);
    CHECK(try_send(*channel, 1) == Status::ok);
    CHECK(try_send(*channel, 2) == Status::ok);
    channel->put_back(number_item(0));
    CHECK(channel->count() == 3);
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(receive_number(*channel) == i);
    for (std::uint64_t i = 100; i-- > 0;) channel->put_back(number_item(i));
    for (std::uint64_t i = 0; i < 100; ++i) CHECK(receive_number(*channel) == i);

    auto receiver = in_thread([&] { return receive_number(*channel); });
    REQUIRE(eventually([&] { return channel->waiting_receivers() == 1; }));
    channel->put_back(number_item(5));
    CHECK(receiver.get() == 5);
    CHECK(channel->count() == 0);
  }

  TEST_CASE("unbound policies") {
    std::atomic<int> alive{0};
    auto channel = channel_of(Channel::unbounded);
    constexpr InterpreterId gone = 3;
    constexpr InterpreterId stays = 4;
    for (InterpreterId sender : {gone, stays}) {
      for (UnboundPolicy policy : {UnboundPolicy::keep, UnboundPolicy::remove, UnboundPolicy::error,
                                   UnboundPolicy::unbound}) {
        Item item = witnessed(alive, sender, policy);
        CHECK(channel->try_send(item) == Status::ok);
      }
    }
    CHECK(channel->count() == 8);
    channel->interpreter_gone(gone);
    CHECK(channel->count() == 7);
    CHECK(alive == 5);  // those that stay unbound have given up what they carried
    channel->interpreter_gone(gone);
    CHECK(channel->count() == 7);

    Item item;
    CHECK(channel->try_receive(item) == Status::ok);
    CHECK(item.policy == UnboundPolicy::keep);
    CHECK_FALSE(item.is_unbound);
    CHECK(number_in(item) == 1);
    for (UnboundPolicy policy : {UnboundPolicy::error, UnboundPolicy::unbound}) {
      CHECK(channel->try_receive(item) == Status::ok);
      CHECK(item.policy == policy);
      CHECK(item.is_unbound);
      CHECK(item.message.bytes().empty());
    }
    for (int i = 0; i < 4; ++i) {
      CHECK(channel->try_receive(item) == Status::ok);
      CHECK(item.interpreter == stays);
      CHECK_FALSE(item.is_unbound);
    }
    CHECK(channel->try_receive(item) == Status::pending);
  }

  TEST_CASE("items that vanish make room for senders that wait") {
    auto channel = channel_of(2);
    for (std::uint64_t i = 0; i < 2; ++i) {
      Item item = number_item(i, 3, UnboundPolicy::remove);
      CHECK(channel->try_send(item) == Status::ok);
    }
    auto first = in_thread([&] { return send(*channel, 10); });
    REQUIRE(eventually([&] { return channel->waiting_senders() == 1; }));
    channel->interpreter_gone(3);
    CHECK(first.get() == Status::ok);
    CHECK(channel->count() == 1);
    CHECK(receive_number(*channel) == 10);
  }

  TEST_CASE("an interpreter's going among many items") {
    auto channel = channel_of(Channel::unbounded);
    constexpr std::uint64_t count = 10'000;
    for (std::uint64_t i = 0; i < count; ++i) {
      Item item = number_item(i, static_cast<InterpreterId>(i % 3), UnboundPolicy::remove);
      CHECK(channel->try_send(item) == Status::ok);
    }
    channel->interpreter_gone(0);
    channel->interpreter_gone(2);
    for (std::uint64_t i = 1; i < count; i += 3) REQUIRE(receive_number(*channel) == i);
    CHECK(channel->count() == 0);
    Item item;
    CHECK(channel->try_receive(item) == Status::pending);
  }

  TEST_CASE("a closing interpreter's waits end, other waits and what needs no wait go on") {
    auto channel = channel_of(1);
    auto blocked = in_thread([&] {
      Item item;
      return channel->receive(item, {.interpreter = 7});
    });
    auto other = in_thread([&] {
      Item item;
      return channel->receive(item, {.interpreter = 8});
    });
    REQUIRE(eventually([&] { return channel->waiting_receivers() == 2; }));
    CHECK(begin_closing(7) == Status::ok);
    CHECK(blocked.get() == Status::interpreter_closed);
    Item item;
    CHECK(channel->receive(item, {.interpreter = 7}) == Status::interpreter_closed);
    CHECK(try_send(*channel, 1) == Status::ok);
    CHECK(other.get() == Status::ok);
    CHECK(try_send(*channel, 2) == Status::ok);
    CHECK(channel->receive(item, {.interpreter = 7}) == Status::ok);
    end_closing(7);
    CHECK(channel->receive(item, {.deadline = Deadline::after(0.001), .interpreter = 7}) ==
          Status::timed_out);

    auto last = in_thread([&] {
      Item received;
      return channel->receive(received);
    });
    REQUIRE(eventually([&] { return channel->waiting_receivers() == 1; }));
    begin_closing_all();
    CHECK(last.get() == Status::interpreter_closed);
    end_closing_all();
  }

  TEST_CASE("Queue: maxsize as given") {
    auto queue = Handle<Queue>::make(-10);
    CHECK(queue->maxsize() == -10);
    CHECK(queue->capacity() == Channel::unbounded);
    CHECK_FALSE(queue->is_full());
    auto small = Handle<Queue>::make(1, UnboundPolicy::remove, 0);
    Item item = number_item(1);
    CHECK(small->put(item) == Status::ok);
    CHECK(small->is_full());
    CHECK(small->put(item, {.deadline = Deadline::after(0.001)}) == Status::timed_out);
    CHECK(small->get(item) == Status::ok);
    CHECK(small->try_get(item) == Status::pending);
    CHECK(small->default_policy() == UnboundPolicy::remove);
    CHECK(small->fallback() == 0);
  }
}
