#include "core/wait/waiter.hpp"

#include <atomic>

#include "core/support.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

namespace {

/// An operation that does nothing by itself.
class Nothing final : public Operation {
 public:
  ~Nothing() = default;
  Status try_() noexcept override { return Status::pending; }
  Enqueued enqueue(Waiter& waiter) noexcept override {
    waiter_ = &waiter;
    return Enqueued::waiting;
  }
  void abandon() noexcept override {}
};

std::vector<const Operation*> in_order(const OperationList& list) {
  std::vector<const Operation*> operations;
  for (Operation* operation = list.front(); operation;
       operation = OperationList::next(*operation)) {
    operations.push_back(operation);
  }
  return operations;
}

}  // namespace

TEST_SUITE("waiter") {
  TEST_CASE("one claim succeeds, until the owner resets the waiter") {
    Waiter waiter(*Parker::current());
    Nothing first;
    Nothing second;
    CHECK_FALSE(waiter.is_claimed());
    CHECK(waiter.claim(first));
    CHECK_FALSE(waiter.claim(second));
    CHECK_FALSE(waiter.claim(first));
    CHECK_FALSE(waiter.try_cancel());
    CHECK(waiter.winner() == &first);
    CHECK_FALSE(waiter.completed());
    waiter.complete();
    CHECK(waiter.completed());
    waiter.reset();
    CHECK_FALSE(waiter.completed());
    CHECK(waiter.try_cancel());
    CHECK(waiter.is_claimed());
    CHECK(waiter.winner() == nullptr);
    CHECK_FALSE(waiter.claim(second));
  }

  TEST_CASE("claims race: exactly one winner, and it completes the waiter") {
    Parker* const parker = Parker::current();
    Waiter waiter(*parker);
    const int rounds = is_sanitized ? 200 : 1000;
    for (int round = 0; round < rounds; ++round) {
      waiter.reset();
      Nothing operations[4];
      std::atomic<int> winners{0};
      std::atomic<bool> go{false};
      std::vector<std::future<void>> threads;
      for (Nothing& operation : operations) {
        threads.push_back(in_thread([&] {
          while (!go) std::this_thread::yield();
          if (!waiter.claim(operation)) return;
          ++winners;
          waiter.complete();
        }));
      }
      go = true;
      while (!waiter.completed()) parker->park(Deadline::never());
      for (auto& thread : threads) thread.get();
      REQUIRE(winners == 1);
      REQUIRE(waiter.winner() != nullptr);
    }
  }

  TEST_CASE("a list keeps the order, whatever leaves it") {
    OperationList list;
    CHECK(list.empty());
    Nothing a;
    Nothing b;
    Nothing c;
    Nothing d;
    for (Nothing* operation : {&a, &b, &c, &d}) list.push_back(*operation);
    CHECK(list.size() == 4);
    CHECK(in_order(list) == std::vector<const Operation*>{&a, &b, &c, &d});
    list.remove(b);
    CHECK(in_order(list) == std::vector<const Operation*>{&a, &c, &d});
    CHECK_FALSE(list.contains(b));
    CHECK(list.contains(c));
    list.remove(a);
    list.remove(d);
    CHECK(in_order(list) == std::vector<const Operation*>{&c});
    list.push_back(a);
    list.remove(c);
    CHECK(in_order(list) == std::vector<const Operation*>{&a});
    list.remove(a);
    CHECK(list.empty());
    CHECK(list.size() == 0);
  }

  TEST_CASE("a wake list completes each of its waiters once") {
    Parker& parker = *Parker::current();
    Waiter first(parker);
    Waiter second(parker);
    Nothing a;
    Nothing b;
    CHECK(a.enqueue(first) == Enqueued::waiting);
    CHECK(b.enqueue(second) == Enqueued::waiting);
    CHECK(first.claim(a));
    CHECK(second.claim(b));
    WakeList list;
    CHECK(list.empty());
    list.add(a);
    list.add(b);
    list.complete_all();
    CHECK(first.completed());
    CHECK(second.completed());
  }
}
