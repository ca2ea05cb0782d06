// Queues of the public API, between threads of C++ and with interpreters.
#include "atoll/queue.hpp"

#include <Python.h>
#include <signal.h>
#include <unistd.h>

#include "api/support.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "core/registry/registry.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll;
using namespace libatoll::test;

TEST_CASE("put and get, in order") {
  const auto queue = Queue::create(2);
  CHECK(queue.maxsize() == 2);
  CHECK(queue.empty());
  queue.put(1);
  queue.put(List{"two", nullptr});
  CHECK(queue.full());
  CHECK(queue.size() == 2);
  CHECK_FALSE(queue.try_put(3));
  CHECK(queue.get() == Value(1));
  CHECK(queue.try_put(3));
  CHECK(queue.get() == Value(List{"two", nullptr}));
  CHECK(queue.try_get() == Value(3));
  CHECK(queue.try_get() == std::nullopt);
  CHECK_FALSE(queue.full());
  CHECK(Queue::create(-1).maxsize() == -1);
  CHECK_FALSE(Queue::create().full());
}

TEST_CASE("errors") {
  const auto queue = Queue::create(1);
  const std::string name = "queue " + std::to_string(queue.id());
  CHECK(text_of<QueueEmpty>([&] { (void)queue.get(1ms); }) == name + " is empty");
  CHECK_THROWS_AS((void)queue.get(Timeout::none()), QueueEmpty);
  CHECK_THROWS_AS((void)queue.get(-1s), QueueEmpty);
  queue.put(1);
  CHECK(text_of<QueueFull>([&] { queue.put(2, 1ms); }) == name + " is full");
  CHECK_THROWS_AS((void)queue.try_put("\xFF"), NotShareableError);
  CHECK(queue.get() == Value(1));
  CHECK(queue.empty());
  CHECK_THROWS_AS((void)Queue::from_id(-1), QueueNotFoundError);
  CHECK_THROWS_AS((void)Queue::from_id(1LL << 40), QueueNotFoundError);
  Queue moved = queue;
  const Queue taken = std::move(moved);
  CHECK(taken == queue);
  CHECK(moved.id() == -1);
  CHECK_THROWS_AS(moved.put(1), QueueError);
}

TEST_CASE("timeouts count fractions, and are kept") {
  const auto queue = Queue::create();
  CHECK(queue.try_get(50ms) == std::nullopt);
  const double waited =
      seconds_of([&] { (void)queue.try_get(std::chrono::duration<double>(0.05)); });
  CHECK(waited >= 0.05);
}

TEST_CASE("a queue lives as long as its handles") {
  std::optional<Queue> queue = Queue::create();
  const std::int64_t id = queue->id();
  std::optional<Queue> other = Queue::from_id(id);
  CHECK(*other == *queue);
  queue.reset();
  other->put(*other);  // keeps itself alive
  other.reset();
  other = Queue::from_id(id);
  CHECK(other->get().as<Queue>() == *other);
  other.reset();
  CHECK_THROWS_AS((void)Queue::from_id(id), QueueNotFoundError);
}

TEST_CASE("a queue that is destroyed by its id is gone for everybody") {
  const auto queue = Queue::create(1);
  auto getter = in_thread([&] { return text_of<QueueNotFoundError>([&] { (void)queue.get(); }); });
  const auto core_queue = core::queues().find(queue.id());
  CHECK(eventually([&] { return core_queue->waiting_receivers() == 1; }));
  CHECK(core::queues().destroy(queue.id()) == core::Status::ok);
  CHECK(getter.get() == "queue " + std::to_string(queue.id()) + " not found");
  CHECK_THROWS_AS(queue.put(1), QueueNotFoundError);
  CHECK_THROWS_AS((void)queue.size(), QueueNotFoundError);
}

TEST_CASE("many threads on either side: nothing is lost or doubled") {
  const auto queue = Queue::create(16);
  constexpr int threads = 4;
  constexpr int each = 10'000;
  std::vector<std::atomic<int>> seen(threads * each);
  {
    std::vector<std::jthread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        for (int i = 0; i < each; ++i) queue.put(t * each + i);
      });
      workers.emplace_back([&] {
        for (int i = 0; i < each; ++i) ++seen[queue.get(patience).as<std::size_t>()];
      });
    }
  }
  CHECK(std::ranges::all_of(seen, [](const auto& count) { return count == 1; }));
  CHECK(queue.empty());
}

TEST_CASE("a thread that is in an interpreter waits without the GIL") {
  // No Runtime: the test's thread stays in the main interpreter, with its GIL.
  const auto queue = Queue::create();
  auto putter = in_thread([&] {
    PyGILState_STATE state = PyGILState_Ensure();
    PyGILState_Release(state);
    queue.put("came");
  });
  CHECK(queue.get(patience) == Value("came"));
  putter.get();
}

TEST_CASE("a thread that is in an interpreter: its closing, and Ctrl-C, end the wait") {
  // doctest has a handler of its own.
  Interpreter::main().exec(
      "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)");
  const auto queue = Queue::create();
  const auto core_queue = core::queues().find(queue.id());
  const auto once_blocked = [&](auto action) {
    return in_thread([core_queue, action] {
      const bool is_blocked = eventually([&] { return core_queue->waiting_receivers() == 1; });
      action();
      return is_blocked;
    });
  };
  auto closer = once_blocked([] { (void)core::begin_closing(0); });
  CHECK(text_of<InterpreterError>([&] { (void)queue.get(patience); }).find("being closed") !=
        std::string::npos);
  CHECK(closer.get());
  core::end_closing(0);

  auto user = once_blocked([] { ::kill(::getpid(), SIGINT); });
  CHECK(text_of<ExecutionFailed>([&] { (void)queue.get(patience); }).find("KeyboardInterrupt") !=
        std::string::npos);
  CHECK(user.get());
  queue.put(1);
  CHECK(queue.get() == Value(1));
}

#ifdef ATOLL_TEST_PACKAGE

TEST_CASE("with interpreters: a queue is a value") {
  const Python python;
  const Interpreter one = Python::interpreter();
  const auto queue = Queue::create(10);
  one.set("q", queue);
  one.exec("from atoll import interpreters");
  CHECK(one.eval("type(q) is interpreters.Queue") == Value(true));
  CHECK(one.eval("q.id") == Value(queue.id()));
  CHECK(one.eval("q.maxsize") == Value(10));
  CHECK(one.get("q").as<Queue>() == queue);
  one.exec("q.put({'name': 'Ada', 'scores': [1, 2.5]})");
  CHECK(queue.get() == Value(Dict{{"name", "Ada"}, {"scores", List{1, 2.5}}}));
  queue.put(Tuple{1, Bytes("2")});
  CHECK(one.eval("q.get()") == Value(Tuple{1, Bytes("2")}));
  one.exec("def echo(a, b): b.put(a.get()); return [a, b]");
  const auto other = Queue::create();
  queue.put(other);
  const Value both = one.call("echo", queue, other);
  CHECK(both.at(0).as<Queue>() == queue);
  CHECK(other.get().as<Queue>() == other);
  CHECK(to_string(both.at(0)) == "Queue(" + std::to_string(queue.id()) + ")");
  CHECK_THROWS_AS((void)both.at(0).as<int>(), ValueError);

  one.exec("from atoll import interpreters; made_there = interpreters.create_queue(3)");
  const auto there = one.get("made_there").as<Queue>();
  CHECK(there.maxsize() == 3);
  CHECK(Queue::from_id(one.eval("made_there.id").as<std::int64_t>()) == there);
}

TEST_CASE("with interpreters: the guide's example") {
  const Python with_package;
  const Interpreter python = Python::interpreter();
  // [package]
  auto jobs = atoll::Queue::create();
  auto [tx, rx] = atoll::channel();
  python.set("jobs", jobs);  // an atoll.interpreters.Queue
  python.set("tx", tx);      // an atoll.Sender, a clone of this one
  std::jthread loop([&python] {
    python.exec(R"(
with tx:
    for job in iter(jobs.get, None):
        tx.send(job * 2)
)");
  });
  tx.close();
  for (int job : {1, 2, 3}) jobs.put(job);
  jobs.put(nullptr);
  std::int64_t sum = 0;
  for (const atoll::Value& value : rx) sum += value.as<std::int64_t>();
  // [package]
  CHECK(sum == 12);
}

TEST_CASE("with interpreters: what is no value is refused, and out of the queue") {
  const Python python;
  const Interpreter one = Python::interpreter();
  const auto queue = Queue::create();
  one.set("q", queue);
  one.exec("q.put([{1, 2}]); q.put(7)");
  CHECK(text_of<NotShareableError>([&] {
          (void)queue.get();
        }).starts_with("item[0]: set object cannot become an atoll::Value"));
  CHECK(queue.get() == Value(7));
}

TEST_CASE("with interpreters: both sides wake each other") {
  const Python python;
  const Interpreter one = Python::interpreter();
  const auto requests = Queue::create();
  const auto replies = Queue::create(1);
  one.set("requests", requests);
  one.set("replies", replies);
  auto server = in_thread(
      [&] { one.exec("for request in iter(requests.get, None): replies.put(request * 2)"); });
  for (int i = 0; i < 1000; ++i) {
    requests.put(i);
    CHECK(replies.get(patience) == Value(2 * i));
  }
  for (int i = 0; i < 100; ++i) requests.put(i);  // it waits for room again and again
  for (int i = 0; i < 100; ++i) CHECK(replies.get(patience) == Value(2 * i));
  requests.put(nullptr);
  server.get();
}

TEST_CASE("with interpreters: one that is closed while it waits") {
  const Python python;
  const Interpreter one = Python::interpreter();
  const auto queue = Queue::create();
  const auto errors = Queue::create();
  one.set("q", queue);
  one.set("errors", errors);
  one.exec(R"(
import threading
def wait():
    try:
        q.get()
    except BaseException as error:
        errors.put(type(error).__name__)
threading.Thread(target=wait).start()
)");
  auto getter = in_thread([&] { return queue.get(patience); });
  const auto core_queue = core::queues().find(queue.id());
  CHECK(eventually([&] { return core_queue->waiting_receivers() == 2; }));
  one.close();
  CHECK(errors.get(patience) == Value("InterpreterError"));
  queue.put("still works");
  CHECK(getter.get() == Value("still works"));
}

TEST_CASE("with interpreters: items of one that is gone") {
  const Python python;
  const auto kept = Queue::create();
  std::optional<Queue> other;
  {
    const Interpreter one = Python::interpreter();
    one.set("kept", kept);
    one.exec("from atoll import interpreters; q = interpreters.create_queue()");
    other = one.get("q").as<Queue>();
    one.exec("kept.put('kept'); q.put('unbound')");
  }
  CHECK(kept.get() == Value("kept"));
  CHECK_THROWS_AS((void)other->get(), ItemInterpreterDestroyed);
  CHECK(other->empty());
}

TEST_CASE("an interpreter that cannot import the package says so") {
  const Python python;
  const Interpreter one = Interpreter::create({}, {.inherit_path = false});
  one.exec("import sys; sys.modules['atoll'] = None");
  const auto queue = Queue::create();
  CHECK(text_of<ExecutionFailed>([&] { one.set("q", queue); }).find("atoll") != std::string::npos);
  CHECK(one.eval("1") == Value(1));
}

#endif
