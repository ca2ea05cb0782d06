#include "core/channel/object_queue.hpp"

#include "core/support.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

namespace {

class Number final : public Object {
 public:
  explicit Number(int n) noexcept : value(n) {}
  const int value;

 private:
  ~Number() override = default;
};

using Numbers = ObjectQueue<Number>;

}  // namespace

TEST_SUITE("queue of objects") {
  TEST_CASE("first in, first out; the objects themselves, and nothing in their place") {
    const Numbers queue = Numbers::make();
    CHECK(queue);
    CHECK_FALSE(Numbers());
    const auto one = Handle<Number>::make(1);
    CHECK(queue.try_put(one) == Status::ok);
    CHECK(queue.try_put({}) == Status::ok);
    CHECK(queue.count() == 2);
    CHECK(one->use_count() == 2);
    Handle<Number> taken;
    CHECK(queue.try_take(taken) == Status::ok);
    CHECK(taken == one);
    CHECK(queue.try_take(taken) == Status::ok);
    CHECK_FALSE(taken);
    CHECK(one->use_count() == 1);
    CHECK(queue.try_take(taken) == Status::pending);
  }

  TEST_CASE("what was put back comes first") {
    const Numbers queue = Numbers::make();
    CHECK(queue.try_put(Handle<Number>::make(1)) == Status::ok);
    CHECK(queue.try_put(Handle<Number>::make(2)) == Status::ok);
    Handle<Number> taken;
    CHECK(queue.try_take(taken) == Status::ok);
    queue.put_back(taken);
    CHECK(queue.try_take(taken) == Status::ok);
    CHECK(taken->value == 1);
  }

  TEST_CASE("copies are the same queue; what is there is taken after the end") {
    const Numbers queue = Numbers::make();
    const Numbers other = queue;
    auto taker = in_thread([&] {
      Handle<Number> taken;
      int sum = 0;
      while (other.take(taken) == Status::ok) sum += taken->value;
      return sum;
    });
    for (int i = 1; i <= 100; ++i) CHECK(queue.try_put(Handle<Number>::make(i)) == Status::ok);
    CHECK(queue.close(Channel::Close::sending) == Status::ok);
    CHECK(taker.get() == 5050);
    CHECK(queue.try_put(Handle<Number>::make(1)) == Status::closed);
  }

  TEST_CASE("the taking as an operation") {
    const Numbers queue = Numbers::make();
    CHECK(queue.try_put(Handle<Number>::make(7)) == Status::ok);
    Numbers::Taking taking(queue);
    CHECK(wait_for(taking.operation()) == Status::ok);
    CHECK(taking.object()->value == 7);
    CHECK(taking.operation().try_() == Status::pending);
  }
}
