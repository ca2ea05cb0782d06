#include "core/registry/registry.hpp"

#include <atomic>

#include "core/channel/channel_ends.hpp"
#include "core/registry/in_transit.hpp"
#include "core/support.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

namespace {

std::vector<std::int64_t> ids_in(const Registry<Queue>& registry) {
  std::vector<Registry<Queue>::Listed> listed;
  CHECK(registry.list(listed) == Status::ok);
  std::vector<std::int64_t> ids;
  for (const auto& entry : listed) ids.push_back(entry.id);
  return ids;
}

}  // namespace

TEST_SUITE("registry") {
  TEST_CASE("numbers ascend and are not reused") {
    Registry<Queue> registry(1);
    CHECK(registry.add(Handle<Queue>::make(1), 0) == 1);
    CHECK(registry.add(Handle<Queue>::make(2), 0) == 2);
    CHECK(registry.destroy(2) == Status::ok);
    CHECK(registry.add(Handle<Queue>::make(3), 5) == 3);
    CHECK(registry.add(nullptr, 0) == -1);
    CHECK(ids_in(registry) == std::vector<std::int64_t>{1, 3});
    CHECK(registry.find(1)->maxsize() == 1);
    CHECK_FALSE(registry.find(2));
    CHECK_FALSE(registry.find(-1));
    CHECK(registry.destroy(2) == Status::not_found);
    InterpreterId owner = no_interpreter;
    CHECK(registry.owner(3, owner) == Status::ok);
    CHECK(owner == 5);
    CHECK(registry.owner(2, owner) == Status::not_found);
    CHECK(registry.size() == 2);
  }

  TEST_CASE("a long chain, each part of which holds the next") {
    bool with_ends = false;
    SUBCASE("of queues and channels") {}
    SUBCASE("of queues, channels and counted ends") {
      with_ends = true;
    }
    Handle<Object> next;
    auto hold = [&](Channel& holder) {
      Message message;
      if (next) message.attach(std::move(next));
      Item item(std::move(message));
      REQUIRE(holder.try_send(item) == Status::ok);
    };
    const std::size_t before = queues().size() + channels().size();
    Status status{};
    for (int i = 0; i < 50'000; ++i) {
      auto queue = Handle<Queue>::make(1);
      hold(*queue);
      next = QueueInTransit::make(queues().add(queue, 0), status);
      auto channel = Handle<SharedChannel>::make();
      hold(*channel);
      next = ChannelInTransit::make(channels().add(channel, 0), status);
      if (!with_ends) continue;
      auto ends = ChannelEnds::of_channel(1);
      const auto receiver = EndRef::make(ends, End::receiving);
      hold(*ends->channel());
      next = EndInTransit::make(*receiver);
    }
    REQUIRE(next);
    next = {};
    CHECK(queues().size() + channels().size() == before);
  }

  TEST_CASE("bind and release: the last release destroys") {
    Registry<Queue> registry(1);
    const std::int64_t id = registry.add(Handle<Queue>::make(1), 0);
    auto queue = registry.find(id);
    CHECK(registry.release(id, 0) == Status::never_bound);
    CHECK(registry.bind(id, 0) == Status::ok);
    CHECK(registry.bind(id, 0) == Status::ok);
    CHECK(registry.bind(id, 1) == Status::ok);
    CHECK(registry.release(id, 0) == Status::ok);
    CHECK(registry.release(id, 0) == Status::ok);
    CHECK(registry.find(id));
    CHECK(registry.release(id, 0) == Status::ok);  // on behalf of 1
    CHECK_FALSE(registry.find(id));
    CHECK(queue->state() == Channel::State::destroyed);
    CHECK(registry.bind(id, 0) == Status::not_found);
    CHECK(registry.release(id, 0) == Status::not_found);
  }

  TEST_CASE("destroy wakes who is blocked") {
    Registry<Queue> registry(1);
    const std::int64_t id = registry.add(Handle<Queue>::make(1), 0);
    auto queue = registry.find(id);
    auto blocked = in_thread([&] {
      Item item;
      return queue->get(item);
    });
    REQUIRE(eventually([&] { return queue->waiting_receivers() == 1; }));
    CHECK(registry.destroy(id) == Status::ok);
    CHECK(blocked.get() == Status::destroyed);
  }

  TEST_CASE("an interpreter that is gone leaves no binds, and its items follow their policy") {
    Registry<Queue> registry(1);
    const std::int64_t only_its = registry.add(Handle<Queue>::make(0), 7);
    const std::int64_t shared = registry.add(Handle<Queue>::make(0), 7);
    const std::int64_t unbound = registry.add(Handle<Queue>::make(0), 0);
    CHECK(registry.bind(only_its, 7) == Status::ok);
    CHECK(registry.bind(only_its, 7) == Status::ok);
    CHECK(registry.bind(shared, 7) == Status::ok);
    CHECK(registry.bind(shared, 0) == Status::ok);
    for (std::int64_t id : {only_its, shared, unbound}) {
      for (UnboundPolicy policy : {UnboundPolicy::remove, UnboundPolicy::unbound}) {
        Item item = number_item(1, 7, policy);
        CHECK(registry.find(id)->try_put(item) == Status::ok);
      }
    }
    auto destroyed = registry.find(only_its);
    registry.interpreter_gone(7);
    CHECK_FALSE(registry.find(only_its));
    CHECK(destroyed->state() == Channel::State::destroyed);
    CHECK(registry.find(shared)->count() == 1);
    CHECK(registry.find(unbound)->count() == 1);
    CHECK(registry.release(shared, 0) == Status::ok);
    CHECK_FALSE(registry.find(shared));
  }

  TEST_CASE("races: adding, finding, binding, destroying, listing, sweeping") {
    Registry<Queue> registry(1);
    const int rounds = is_sanitized ? 500 : 3000;
    std::atomic<bool> is_over{false};
    std::vector<std::future<bool>> threads;
    for (InterpreterId self = 0; self < 3; ++self) {
      threads.push_back(in_thread([&, self] {
        std::int64_t former = 0;
        for (int i = 0; i < rounds; ++i) {
          const std::int64_t id = registry.add(Handle<Queue>::make(4), self);
          if (id <= former) return false;
          former = id;
          if (registry.bind(id, self) != Status::ok) return false;
          Item item = number_item(1, self, UnboundPolicy::remove);
          auto queue = registry.find(id);
          if (!queue || queue->put(item) != Status::ok) return false;
          if (queue->get(item) != Status::ok) return false;
          const Status status = i % 2 ? registry.release(id, self) : registry.destroy(id);
          if (status != Status::ok || registry.find(id)) return false;
        }
        return true;
      }));
    }
    auto observer = in_thread([&] {
      while (!is_over) {
        std::vector<Registry<Queue>::Listed> listed;
        if (registry.list(listed) != Status::ok) return false;
        for (std::size_t i = 1; i < listed.size(); ++i) {
          if (listed[i - 1].id >= listed[i].id) return false;
        }
        registry.interpreter_gone(99);
      }
      return true;
    });
    for (auto& thread : threads) CHECK(thread.get());
    is_over = true;
    CHECK(observer.get());
    CHECK(registry.size() == 0);
  }

  TEST_CASE("the process's registries are swept by interpreter_gone") {
    const std::int64_t queue_id = queues().add(Handle<Queue>::make(0), 41);
    const std::int64_t channel_id = channels().add(Handle<SharedChannel>::make(), 41);
    auto queue = queues().find(queue_id);
    auto channel = channels().find(channel_id);
    Item item = number_item(1, 41, UnboundPolicy::remove);
    CHECK(queue->try_put(item) == Status::ok);
    item = number_item(1, 41, UnboundPolicy::unbound);
    CHECK(channel->users().associate(41, End::sending) == Status::ok);
    CHECK(channel->users().associate(42, End::receiving) == Status::ok);
    CHECK(channel->try_send(item) == Status::ok);
    CHECK(begin_closing(41) == Status::ok);
    interpreter_gone(41);
    CHECK_FALSE(is_closing_interpreter(41));
    CHECK(queue->count() == 0);
    CHECK(channel->try_receive(item) == Status::ok);
    CHECK(item.is_unbound);
    interpreter_gone(42);
    CHECK(channel->state() == Channel::State::closed);
    CHECK(queues().destroy(queue_id) == Status::ok);
    CHECK(channels().destroy(channel_id) == Status::ok);
  }
}

TEST_SUITE("association") {
  TEST_CASE("by use, until release") {
    Association users;
    bool is_last = true;
    CHECK(users.associate(1, End::sending) == Status::ok);
    CHECK(users.associate(2, End::receiving) == Status::ok);
    CHECK(users.associate(2, End::sending) == Status::ok);
    std::vector<InterpreterId> ids;
    CHECK(users.list(End::sending, ids) == Status::ok);
    CHECK(ids == std::vector<InterpreterId>{1, 2});
    CHECK(users.list(End::receiving, ids) == Status::ok);
    CHECK(ids == std::vector<InterpreterId>{2});
    CHECK(users.release(2, End::sending, is_last) == Status::ok);
    CHECK_FALSE(is_last);
    CHECK(users.release(2, End::sending, is_last) == Status::closed);
    CHECK(users.associate(2, End::sending) == Status::closed);
    CHECK(users.is_associated(2, End::receiving));
    CHECK_FALSE(users.is_associated(2, End::sending));
    CHECK(users.has_released(2, End::sending));
    CHECK(users.counts(End::sending).associated == 1);
    CHECK(users.counts(End::sending).released == 1);
    CHECK(users.release(1, End::both, is_last) == Status::ok);
    CHECK_FALSE(is_last);
    CHECK(users.release(2, End::receiving, is_last) == Status::ok);
    CHECK(is_last);
  }

  TEST_CASE("the release of a channel that nobody used closes it; a stranger's does not") {
    auto unused = Handle<SharedChannel>::make();
    CHECK(unused->release_ends(1, End::both) == Status::ok);
    CHECK(unused->state() == Channel::State::closed);
    CHECK(unused->was_released());
    CHECK(unused->release_ends(1, End::both) == Status::closed);

    auto used = Handle<SharedChannel>::make();
    CHECK(used->users().associate(1, End::sending) == Status::ok);
    CHECK(used->release_ends(2, End::both) == Status::ok);
    CHECK(used->state() == Channel::State::open);
    CHECK(try_send(*used, 1) == Status::ok);
    CHECK(used->release_ends(1, End::sending) == Status::ok);
    CHECK(used->state() == Channel::State::closed);
    CHECK(used->count() == 0);
  }

  TEST_CASE("an interpreter that is gone closes the channel if it was the last") {
    auto channel = Handle<SharedChannel>::make();
    channel->interpreter_gone(1);
    CHECK(channel->state() == Channel::State::open);
    CHECK(channel->users().associate(1, End::sending) == Status::ok);
    CHECK(channel->users().associate(2, End::receiving) == Status::ok);
    channel->interpreter_gone(1);
    CHECK(channel->state() == Channel::State::open);
    channel->interpreter_gone(2);
    CHECK(channel->state() == Channel::State::closed);
    CHECK_FALSE(channel->was_released());
  }
}
