// Channels of the public API, between threads of C++ and with interpreters.
#include "atoll/channel.hpp"

#include <Python.h>

#include "api/support.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

using namespace libatoll;
using namespace libatoll::test;

TEST_CASE("send and recv, in order") {
  const auto [tx, rx] = channel(2);
  CHECK(tx.capacity() == 2);
  tx.send(1);
  CHECK(tx.try_send("two"));
  CHECK_FALSE(tx.try_send(3));
  CHECK(rx.size() == 2);
  CHECK(rx.recv() == Value(1));
  CHECK(rx.try_recv() == Value("two"));
  CHECK(rx.try_recv() == std::nullopt);
  CHECK(channel(unbounded).first.try_send(1));
}

TEST_CASE("without capacity a send and a recv meet") {
  const auto [tx, rx] = channel();
  CHECK_FALSE(tx.try_send(1));
  auto receiver = in_thread([&rx = rx] { return rx.recv(patience); });
  tx.send(7, patience);
  CHECK(receiver.get() == Value(7));
}

TEST_CASE("timeouts") {
  const auto [tx, rx] = channel();
  CHECK(text_of<TimeoutError>([&rx = rx] { (void)rx.recv(1ms); }) == "recv() timed out");
  CHECK(text_of<TimeoutError>([&tx = tx] { tx.send(1, 1ms); }) ==
        "send() timed out, nothing was sent");
  CHECK(rx.try_recv(1ms) == std::nullopt);
  CHECK_FALSE(tx.try_send(1, 1ms));
}

TEST_CASE("the last Sender closes for sending, the last Receiver altogether") {
  auto [tx, rx] = channel(4);
  {
    const Sender clone = tx;
    CHECK(clone == tx);
    tx.close();
    CHECK(tx.is_closed());
    CHECK_FALSE(clone.is_closed());
    CHECK(text_of<Closed>([&tx = tx] { tx.send(1); }).ends_with("was closed"));
    clone.send(2);
    const Sender copy_of_closed = tx;
    CHECK(copy_of_closed.is_closed());
  }
  CHECK(rx.recv() == Value(2));
  CHECK(text_of<Closed>([&rx = rx] {
          (void)rx.recv();
        }).ends_with("is closed: it has no sender any more, and nothing is left"));
  CHECK_THROWS_AS((void)rx.try_recv(), Closed);

  auto [other_tx, other_rx] = channel(4);
  other_tx.send(1);
  Receiver moved = std::move(other_rx);
  CHECK(other_rx.is_closed());
  CHECK_THROWS_AS((void)other_rx.recv(), Closed);
  moved = rx;  // the last one goes
  CHECK(text_of<Closed>([&tx = other_tx] {
          tx.send(2);
        }).ends_with("is closed: it has no receiver any more"));
}

TEST_CASE("closing wakes who is blocked") {
  auto [tx, rx] = channel();
  auto receiver = in_thread([&rx = rx] { return text_of<Closed>([&] { (void)rx.recv(); }); });
  tx.close();
  CHECK(receiver.get().find("no sender any more") != std::string::npos);

  auto [tx2, rx2] = channel();
  auto sender = in_thread([&tx = tx2] { return text_of<Closed>([&] { tx.send(1); }); });
  rx2.close();
  CHECK(sender.get().find("no receiver any more") != std::string::npos);

  // Through the very end that is closed, others being open.
  for (int round = 0; round < 200; ++round) {
    auto [tx3, rx3] = channel();
    const Receiver other = rx3;
    auto blocked = in_thread([&rx = rx3] { return text_of<Closed>([&] { (void)rx.recv(); }); });
    if (round % 2 == 0) std::this_thread::yield();
    rx3.close();
    CHECK(blocked.get().find("was closed") != std::string::npos);
    auto alive = in_thread([&other] { return other.recv(patience); });
    tx3.send(5, patience);
    CHECK(alive.get() == Value(5));
  }
}

TEST_CASE("range-for ends after the last value") {
  auto [tx, rx] = channel(3);
  auto source = in_thread([&tx = tx] {
    for (int i = 0; i < 100; ++i) tx.send(i);
    tx.close();
  });
  int expected = 0;
  for (Value& value : rx) CHECK(std::move(value) == Value(expected++));
  CHECK(expected == 100);
  for (const Value& value : rx) FAIL(to_string(value));
  source.get();
}

TEST_CASE("many threads on either side: nothing is lost or doubled, each sender's order is kept") {
  constexpr int threads = 4;
  constexpr int each = 10'000;
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{16}, unbounded}) {
    CAPTURE(capacity);
    std::vector<std::atomic<int>> seen(threads * each);
    std::atomic<int> disorder{0};
    {
      auto [tx, rx] = channel(capacity);
      std::vector<std::jthread> workers;
      for (int t = 0; t < threads; ++t) {
        workers.emplace_back([t, tx = tx] {
          for (int i = 0; i < each; ++i) tx.send(t * each + i);
        });
        workers.emplace_back([&, rx = rx] {
          int last[threads] = {-1, -1, -1, -1};
          for (const Value& value : rx) {
            const int number = value.as<int>();
            ++seen[static_cast<std::size_t>(number)];
            if (number <= std::exchange(last[number / each], number)) ++disorder;
          }
        });
      }
      tx.close();
    }
    CHECK(std::ranges::all_of(seen, [](const auto& count) { return count == 1; }));
    CHECK(disorder == 0);
  }
}

TEST_CASE("typed channels") {
  auto [tx, rx] = Channel<std::pair<std::string, int>>(4);
  tx.send({"a", 1});
  CHECK(tx.try_send({"b", 2}));
  CHECK(rx.recv() == std::pair<std::string, int>("a", 1));
  CHECK(rx.try_recv()->second == 2);
  CHECK(rx.try_recv() == std::nullopt);
  const Sender& untyped = tx;
  untyped.send("no pair");
  CHECK_THROWS_AS((void)rx.recv(), ValueError);

  auto [numbers, sum] = atoll::Channel<int>(8);
  for (int i = 0; i < 5; ++i) numbers.send(i);
  numbers.close();
  int total = 0;
  for (const int number : sum) total += number;
  CHECK(total == 10);
  CHECK(Value(sum).is_receiver());  // and not drained into a list
}

TEST_CASE("ends are values") {
  auto [tx, rx] = channel(4);
  {
    Value value = tx;
    CHECK(value.is_sender());
    CHECK(value.as<Sender>() == tx);
    CHECK(to_string(value) == "<Sender>");
    CHECK_THROWS_AS((void)value.as<Receiver>(), ValueError);
    auto [outer_tx, outer_rx] = channel(4);
    outer_tx.send(List{value, rx});
    tx.close();
    value = nullptr;
    const List both = outer_rx.recv().as<List>();
    both.at(0).as<Sender>().send("through");
    CHECK(both.at(1).as<Receiver>().recv() == Value("through"));
  }
  CHECK_THROWS_AS((void)rx.recv(), Closed);  // all senders have gone with the message
}

TEST_CASE("an end inside a message that is dropped is closed") {
  auto [tx, rx] = channel(4);
  auto [outer_tx, outer_rx] = channel(4);
  outer_tx.send(tx);
  tx.close();
  auto blocked = in_thread([&rx = rx] { return text_of<Closed>([&] { (void)rx.recv(); }); });
  outer_rx.close();
  CHECK(blocked.get().find("no sender") != std::string::npos);
}

#ifdef ATOLL_TEST_PACKAGE

TEST_CASE("with interpreters: there and back") {
  const Python python;
  const Interpreter one = Python::interpreter();
  auto [tx, rx] = channel();
  auto [back, results] = channel(4);
  one.set("rx", rx);
  one.set("results", back);
  rx.close();
  back.close();
  auto stage = in_thread([&] { one.exec("for n in rx: results.send(n * n)\nresults.close()"); });
  std::jthread source([&tx = tx] {
    for (int i = 0; i < 1000; ++i) tx.send(i);
    tx.close();
  });
  int count = 0;
  for (const Value& value : results) {
    CHECK(value == Value(count * count));
    ++count;
  }
  CHECK(count == 1000);
  stage.get();
  CHECK(one.get("rx").as<Receiver>().is_closed() == false);
}

TEST_CASE("with interpreters: ends made there, and ends inside of values") {
  const Python python;
  const Interpreter one = Python::interpreter();
  one.exec("import atoll\ntx, rx = atoll.channel(3)");
  const auto tx = one.get("tx").as<Sender>();
  CHECK(tx.capacity() == 3);
  CHECK(tx == one.eval("tx.clone()").as<Sender>());
  tx.send("from C++");
  CHECK(one.eval("rx.recv()") == Value("from C++"));
  auto [replies, reply] = channel(1);
  tx.send(Dict{{"reply_to", replies}});
  one.exec("rx.recv()['reply_to'].send('here')");
  CHECK(reply.recv(patience) == Value("here"));
  one.exec("tx.close(); rx.close()");
  CHECK_THROWS_AS(tx.send(1), Closed);
  CHECK_THROWS_AS((void)one.get("tx"), ExecutionFailed);  // Closed, there
}

TEST_CASE("with interpreters: the ends of one that is closed go with it") {
  const Python python;
  auto [tx, rx] = channel(1);
  auto [tx2, rx2] = channel();
  const Interpreter one = Python::interpreter();
  one.set("tx", tx);
  one.set("rx", rx2);
  tx.close();
  rx2.close();
  auto receiver = in_thread([&rx = rx] { return text_of<Closed>([&] { (void)rx.recv(); }); });
  auto sender = in_thread([&tx = tx2] { return text_of<Closed>([&] { tx.send(1); }); });
  one.close();
  CHECK(receiver.get().find("no sender any more") != std::string::npos);
  CHECK(sender.get().find("no receiver any more") != std::string::npos);
}

#endif
