#include "core/channel/channel_ends.hpp"

#include "core/registry/registry.hpp"
#include "core/support.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

TEST_SUITE("ends of channels") {
  TEST_CASE("the last sender's end closes for sending only") {
    auto ends = ChannelEnds::of_channel(2);
    auto receiver = EndRef::make(ends, End::receiving);
    auto one = EndRef::make(ends, End::sending);
    auto two = EndRef::make(one->ends(), End::sending);
    CHECK(try_send(*ends->channel(), 1) == Status::ok);
    one->close();
    one->close();
    CHECK_FALSE(one->is_open());
    CHECK(try_send(*ends->channel(), 2) == Status::ok);
    two.reset();
    CHECK(try_send(*ends->channel(), 3) == Status::closed);
    CHECK(receive_number(*ends->channel()) == 1);
    CHECK(receive_number(*ends->channel()) == 2);
    Item item;
    CHECK(ends->channel()->try_receive(item) == Status::closed);
  }

  TEST_CASE("the last receiver's end drops what is there, and wakes senders") {
    auto ends = ChannelEnds::of_channel(1);
    auto sender = EndRef::make(ends, End::sending);
    auto receiver = EndRef::make(ends, End::receiving);
    CHECK(try_send(*ends->channel(), 1) == Status::ok);
    auto blocked = in_thread([&] { return send(*ends->channel(), 2); });
    receiver->close();
    CHECK(blocked.get() == Status::closed);
    CHECK(ends->channel()->count() == 0);
  }

  TEST_CASE("the last receiver of a timer stops it") {
    auto ends = ChannelEnds::of_timer(Timer::ticker(1000));
    auto one = EndRef::make(ends, End::receiving);
    auto two = EndRef::make(ends, End::receiving);
    one.reset();
    CHECK_FALSE(ends->timer()->is_over());
    two.reset();
    CHECK(ends->timer()->is_over());
  }

  TEST_CASE("an end in transit keeps its side open") {
    auto ends = ChannelEnds::of_channel(1);
    auto sender = EndRef::make(ends, End::sending, 1);
    auto receiver = EndRef::make(ends, End::receiving, 1);
    auto in_transit = EndInTransit::make(*sender);
    sender.reset();
    CHECK(ends->channel()->state() == Channel::State::open);
    auto arrived = EndRef::make(in_transit->ref().ends(), in_transit->ref().end(), 2);
    in_transit = {};
    CHECK(ends->channel()->state() == Channel::State::open);
    arrived.reset();
    CHECK(ends->channel()->state() == Channel::State::closed);
  }

  TEST_CASE("a long chain of channels, each of which holds the next one's end") {
    auto next = ChannelEnds::of_channel(1);
    auto receiver = EndRef::make(next, End::receiving);
    for (int i = 0; i < 100'000; ++i) {
      auto ends = ChannelEnds::of_channel(1);
      auto holder = EndRef::make(ends, End::receiving);
      Message message;
      message.attach(EndInTransit::make(*receiver));
      Item item(std::move(message));
      REQUIRE(ends->channel()->try_send(item) == Status::ok);
      receiver = std::move(holder);
    }
    receiver.reset();
    CHECK(next->channel()->state() == Channel::State::closed);
  }

  TEST_CASE("an interpreter that is gone leaves no end open") {
    auto ends = ChannelEnds::of_channel(1);
    auto receiver = EndRef::make(ends, End::receiving, 7);
    auto left = EndRef::make(ends, End::sending, 8);
    auto also_left = EndRef::make(ends, End::sending, 8);
    interpreter_gone(9);
    CHECK(left->is_open());
    interpreter_gone(8);
    CHECK_FALSE(left->is_open());
    CHECK_FALSE(also_left->is_open());
    CHECK(receiver->is_open());
    CHECK(ends->channel()->state() == Channel::State::closed);
  }

  TEST_CASE("closing a reference cancels the waits through it, and no others") {
    auto ends = ChannelEnds::of_channel(0);
    auto sender = EndRef::make(ends, End::sending);
    auto one = EndRef::make(ends, End::receiving);
    auto other = EndRef::make(ends, End::receiving);
    const auto receive_through = [&](const EndRef& end) {
      CancelToken token;
      const EndRef::Use use(end, token);
      Receive receive(*ends->channel());
      Operation* const operations[] = {&receive};
      Wait wait(operations, {});
      Selected selected = wait.wait();
      while (selected.status == Status::interrupted && !token.is_cancelled()) {
        selected = wait.wait();
      }
      return token.is_cancelled() ? wait.cancel().status : selected.status;
    };
    auto cancelled = in_thread([&] { return receive_through(*one); });
    auto served = in_thread([&] { return receive_through(*other); });
    REQUIRE(eventually([&] { return ends->channel()->waiting_receivers() == 2; }));
    one->close();
    CHECK(cancelled.get() == Status::cancelled);
    CHECK(try_send(*ends->channel(), 1) == Status::ok);
    CHECK(served.get() == Status::ok);
    CHECK(receive_through(*one) == Status::cancelled);  // closed before
  }

  TEST_CASE("references come and go in many threads") {
    auto ends = ChannelEnds::of_channel(0);
    auto sender = EndRef::make(ends, End::sending, 1);
    auto receiver = EndRef::make(ends, End::receiving, 1);
    std::vector<std::future<void>> threads;
    for (InterpreterId id = 2; id < 6; ++id) {
      threads.push_back(in_thread([&, id] {
        for (int i = 0; i < 2000; ++i) {
          auto one = EndRef::make(sender->ends(), End::sending, id);
          auto two = EndRef::make(receiver->ends(), End::receiving, id);
          one->close();
        }
      }));
    }
    for (auto& thread : threads) thread.get();
    CHECK(ends->channel()->state() == Channel::State::open);
    sender.reset();
    CHECK(ends->channel()->state() == Channel::State::closed);
  }
}
