// select() and timers of the public API.
#include "atoll/select.hpp"

#include <Python.h>

#include "api/support.hpp"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

using namespace libatoll;
using namespace libatoll::test;

TEST_CASE("the case that is ready") {
  auto [tx, rx] = channel(1);
  auto [tx2, rx2] = channel(1);
  const auto queue = Queue::create(1);
  CHECK_FALSE(try_select({rx, rx2, queue, nullptr}));
  CHECK_THROWS_AS((void)select({rx, queue}, 1ms), TimeoutError);

  tx2.send("here");
  Selected selected = select({rx, rx2, queue});
  CHECK(selected.index == 1);
  CHECK(selected.value == Value("here"));
  CHECK_FALSE(selected.closed);

  selected = select({rx, {tx, 5}});
  CHECK(selected.index == 1);
  CHECK(selected.value.is_none());
  CHECK(rx.recv() == Value(5));

  CHECK(select({nullptr, Case(queue, 6)}).index == 1);
  CHECK_FALSE(try_select({Case(queue, 7), rx}));
  CHECK(select({rx, queue}).value == Value(6));
  CHECK(queue.empty());
}

TEST_CASE("a vector of cases, the order given or random") {
  std::vector<std::pair<Sender, Receiver>> channels;
  std::vector<Case> cases;
  for (int i = 0; i < 20; ++i) {
    channels.push_back(channel(unbounded));
    cases.emplace_back(channels.back().second);
  }
  std::vector<int> counts(20);
  for (int round = 0; round < 20'000; ++round) {
    if (round % 1000 == 0) {
      for (auto& [tx, rx] : channels) {
        for (int i = 0; i < 1000; ++i) tx.send(1);
      }
    }
    ++counts[select(cases).index];
  }
  for (const int count : counts) CHECK(count > 700);
  CHECK(select(cases, {}, SelectOrder::given).index == 0);
}

TEST_CASE("a closed channel is ready") {
  auto [tx, rx] = channel(1);
  auto [tx2, rx2] = channel();
  tx.close();
  const Selected selected = select({rx2, rx});
  CHECK(selected.index == 1);
  CHECK(selected.closed);
  CHECK(selected.value.is_none());
  rx2.close();
  CHECK(select({rx, {tx2, 1}}, {}, SelectOrder::given).closed);
  CHECK_THROWS_AS((void)select({{tx2, 1}}), Closed);
  CHECK_THROWS_AS((void)try_select({rx2}), Closed);
}

TEST_CASE("nothing to wait for") {
  CHECK_THROWS_AS((void)select({nullptr, nullptr}), ValueError);
  CHECK_THROWS_AS((void)select(std::vector<Case>{}), ValueError);
  CHECK_THROWS_AS((void)select({nullptr}, 1ms), TimeoutError);
  auto [tx, rx] = channel(1);
  CHECK_THROWS_AS((void)select({{tx, "\xFF"}}), NotShareableError);
  CHECK(rx.size() == 0);
}

TEST_CASE("a select that waits is served, once") {
  auto [tx, rx] = channel();
  auto [tx2, rx2] = channel();
  for (int i = 0; i < 500; ++i) {
    auto selecting = in_thread([&rx = rx, &tx2 = tx2] {
      return select({rx, {tx2, "out"}}, patience);
    });
    if (i % 2 == 0) {
      tx.send(i, patience);
      CHECK(selecting.get().value == Value(i));
      CHECK(rx2.try_recv() == std::nullopt);
    } else {
      CHECK(rx2.recv(patience) == Value("out"));
      CHECK(selecting.get().index == 1);
      CHECK_FALSE(tx.try_send(i));
    }
  }
}

TEST_CASE("both directions of one channel never meet in one select") {
  auto [tx, rx] = channel();
  CHECK_FALSE(try_select({{tx, 1}, rx}));
  auto one = in_thread([&tx = tx, &rx = rx] { return select({{tx, 1}, rx}, patience).index; });
  auto other = in_thread([&tx = tx, &rx = rx] { return select({{tx, 2}, rx}, patience).index; });
  CHECK(one.get() + other.get() == 1);
}

TEST_CASE("closing an end calls a select off that waits through it") {
  auto [tx, rx] = channel();
  const Receiver other = rx;
  auto selecting = in_thread([&rx = rx] {
    const auto queue = Queue::create();
    return text_of<Closed>([&] { (void)select({queue, rx}); });
  });
  rx.close();
  CHECK(selecting.get().ends_with("was closed"));
}

TEST_CASE("timeouts racing sends lose nothing") {
  auto [tx, rx] = channel();
  constexpr int rounds = 5000;
  std::atomic<int> sent{0};
  auto sender = in_thread([&, tx = tx] {
    for (int i = 0; i < rounds; ++i) {
      if (tx.try_send(i, std::chrono::microseconds(i % 50))) ++sent;
    }
    tx.close();
  });
  tx.close();
  int received = 0;
  for (;;) {
    const auto selected = try_select({rx, nullptr}, std::chrono::microseconds(received % 50));
    if (!selected) continue;
    if (selected->closed) break;
    ++received;
  }
  sender.get();
  CHECK(received == sent);
}

TEST_CASE("after and ticker") {
  const double before = after(Timeout::none()).recv().as<double>();
  const Receiver timer = after(20ms);
  CHECK(timer.try_recv() == std::nullopt);
  CHECK(timer.recv(patience).as<double>() >= before + 0.02);
  CHECK(text_of<Closed>([&] { (void)timer.recv(); }).find("is over") != std::string::npos);
  CHECK_FALSE(try_select({after(Timeout::never())}, 1ms));

  auto [tx, rx] = channel();
  Selected selected = select({rx, after(10ms)}, patience);
  CHECK(selected.index == 1);
  CHECK(selected.value.as<double>() > before);

  const Receiver ticks = ticker(2ms);
  double last = 0;
  int count = 0;
  for (const Value& due : ticks) {
    CHECK(due.as<double>() > last);
    last = due.as<double>();
    if (++count == 5) ticks.close();
  }
  CHECK(count == 5);
  CHECK_THROWS_AS((void)ticker(0s), ValueError);
}

#ifdef ATOLL_TEST_PACKAGE

TEST_CASE("with interpreters: a select over what they send") {
  const Python python;
  constexpr int each = 500;
  auto [tx, rx] = channel();
  auto [tx2, rx2] = channel(4);
  std::vector<std::jthread> threads;
  for (const Sender& end : {tx, tx2}) {
    const Interpreter one = Python::interpreter();
    one.set("tx", end);
    threads.emplace_back([one] { one.exec("for i in range(500): tx.send(i)\ntx.close()"); });
  }
  tx.close();
  tx2.close();
  int next[2] = {0, 0};
  bool open[2] = {true, true};
  while (open[0] || open[1]) {
    const Case cases[] = {open[0] ? Case(rx) : nullptr, open[1] ? Case(rx2) : nullptr};
    const Selected selected = select(cases, patience);
    if (selected.closed) {
      open[selected.index] = false;
    } else {
      CHECK(selected.value == Value(next[selected.index]++));
    }
  }
  CHECK(next[0] == each);
  CHECK(next[1] == each);
}

TEST_CASE("with interpreters: a timer made here") {
  const Python python;
  const Interpreter one = Python::interpreter();
  one.set("timer", after(5ms));
  CHECK(one.eval("timer.recv()").as<double>() > 0);
}

#endif
