#include "core/channel_end.hpp"

#include "core/support.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

TEST_CASE("the last sending end closes for sending: what is there can be received") {
  Ends ends = make_channel(4);
  Channel& channel = ends.sender->channel();
  Handle<SendEnd> clone = ends.sender->clone();
  CHECK(ends.sender->close());
  CHECK_FALSE(ends.sender->close());
  CHECK_FALSE(ends.sender->clone());
  CHECK(try_send(channel, 1) == Status::ok);
  clone = nullptr;
  CHECK(channel.state() == Channel::State::closing);
  CHECK(try_send(channel, 2) == Status::closed);
  CHECK(receive_number(channel) == 1);
  Item item;
  CHECK(channel.receive(item) == Status::closed);
}

TEST_CASE("the last receiving end closes altogether") {
  Ends ends = make_channel(4);
  Handle<EndedChannel> channel = Handle<EndedChannel>::share(&ends.sender->channel());
  CHECK(try_send(*channel, 1) == Status::ok);
  auto clone = ends.receiver->clone();
  CHECK(channel->open_ends(End::receiving) == 2);
  ends.receiver = nullptr;
  CHECK(channel->state() == Channel::State::open);
  CHECK(clone->close());
  CHECK(channel->state() == Channel::State::closed);
  CHECK(channel->count() == 0);
  CHECK(try_send(*channel, 2) == Status::closed);
}

TEST_CASE("ends wake who is blocked on the other side") {
  Ends ends = make_channel(0);
  Channel& channel = ends.sender->channel();
  auto receiver = in_thread([&] {
    Item item;
    return channel.receive(item);
  });
  CHECK(eventually([&] { return channel.waiting_receivers() == 1; }));
  ends.sender->close();
  CHECK(receiver.get() == Status::closed);

  ends = make_channel(0);
  Channel& other = ends.sender->channel();
  auto sender = in_thread([&] { return send(other, 1); });
  CHECK(eventually([&] { return other.waiting_senders() == 1; }));
  ends.receiver->close();
  CHECK(sender.get() == Status::closed);
}

TEST_CASE("clones that race with the last close keep the channel open or are none") {
  for (int round = 0; round < 2000; ++round) {
    Ends ends = make_channel(1);
    auto closer = in_thread([&] { return ends.sender->close(); });
    const Handle<SendEnd> clone = ends.sender->clone();
    CHECK(closer.get());
    const bool is_open = ends.sender->channel().state() == Channel::State::open;
    if (clone) CHECK(is_open);
    if (!clone) CHECK_FALSE(is_open);
  }
}

TEST_CASE("an end that is an item counts until it is received or dropped") {
  Ends outer = make_channel(2);
  Ends inner = make_channel(2);
  Message message;
  message.attach(Handle<Object>(std::move(inner.sender)));
  Item item(std::move(message));
  CHECK(outer.sender->channel().try_send(item) == Status::ok);
  CHECK(inner.receiver->channel().state() == Channel::State::open);
  outer.receiver->close();
  CHECK(inner.receiver->channel().state() == Channel::State::closed);
}
