#include "core/parking/parking.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "core/parking/futex.hpp"
#include "core/support.hpp"
#include "core/wait/closing.hpp"

using namespace libatoll::core;
using namespace libatoll::core::test;

namespace {

std::atomic<int> handled{0};

/// Counts SIGUSR1 while it lives; `flags` as for sigaction.
class CountSignals {
 public:
  explicit CountSignals(int flags) {
    handled = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { handled.fetch_add(1); };
    action.sa_flags = flags;
    sigaction(SIGUSR1, &action, &former_);
  }
  ~CountSignals() { sigaction(SIGUSR1, &former_, nullptr); }

 private:
  struct sigaction former_ {};
};

}  // namespace

TEST_SUITE("parking") {
  TEST_CASE("unpark before park is not lost") {
    Parker& parker = *Parker::current();
    parker.unpark();
    const Parker::Wakeup wakeup = parker.park(Deadline::never());
    CHECK_FALSE(wakeup.timed_out);
    CHECK_FALSE(wakeup.interrupted);
  }

  TEST_CASE("park ends at the deadline, not before") {
    Parker& parker = *Parker::current();
    for (double seconds : {0.0001, 0.003, 0.02}) {
      const Deadline deadline = Deadline::after(seconds);
      while (!parker.park(deadline).timed_out) {
      }
      CHECK(deadline.is_over());
    }
    CHECK(parker.park(Deadline::past()).timed_out);
    CHECK(parker.park(Deadline::at(-5)).timed_out);
  }

  TEST_CASE("threads wake each other") {
    std::atomic<Parker*> other{nullptr};
    std::atomic<int> turn{0};
    constexpr int rounds = 2000;
    auto thread = in_thread([&] {
      Parker& mine = *Parker::current();
      other = &mine;
      for (int i = 0; i < rounds; ++i) {
        while (turn.load() != 2 * i + 1) mine.park(Deadline::never());
        turn = 2 * i + 2;
      }
    });
    REQUIRE(eventually([&] { return other.load() != nullptr; }));
    for (int i = 0; i < rounds; ++i) {
      turn = 2 * i + 1;
      other.load()->unpark();
      REQUIRE(eventually([&] { return turn == 2 * i + 2; }));
    }
    thread.get();
  }

  TEST_CASE("interrupt, before and while parked") {
    Parker& parker = *Parker::current();
    parker.interrupt();
    CHECK(parker.park(Deadline::never()).interrupted);
    std::atomic<Parker*> other{nullptr};
    auto thread = in_thread([&] {
      other = Parker::current();
      Parker::Wakeup wakeup;
      while (!wakeup.interrupted) wakeup = Parker::current()->park(Deadline::never());
      return true;
    });
    REQUIRE(eventually([&] { return other.load() != nullptr; }));
    other.load()->interrupt();
    CHECK(thread.get());
  }

  TEST_CASE("a signal that comes before the sleep is late, and not lost, for who heeds signals") {
    auto thread = in_thread([&] {
      Parker& parker = *Parker::current();
      parker.heed_signals();
      int interruptions = 0;
      for (int wait = 0; wait < 3; ++wait) {
        parker.begin_wait();
        interruptions += parker.park(Deadline::after(30)).interrupted;
        CHECK(parker.park(Deadline::after(0.003)).timed_out);  // once in a wait
      }
      return interruptions;
    });
    CHECK(thread.get() == 3);
  }

  TEST_CASE("who heeds signals keeps to its deadlines") {
    auto thread = in_thread([&] {
      Parker::current()->heed_signals();
      auto channel = channel_of(0);
      for (double seconds : {0.0001, 0.001, 0.01}) {
        const Deadline deadline = Deadline::after(seconds);
        Receive receive(*channel);
        Operation* const operations[] = {&receive};
        Wait wait(operations, {.deadline = deadline});
        Selected selected = wait.start();
        while (selected.status == Status::pending || selected.status == Status::interrupted) {
          selected = wait.wait();
        }
        if (selected.status != Status::timed_out || !deadline.is_over()) return false;
      }
      return true;
    });
    CHECK(thread.get());
  }

  TEST_CASE("a parker's next owner does not inherit its habits") {
    Parker* former = nullptr;
    std::thread([&] {
      former = Parker::current();
      former->heed_signals();
      former->unpark();
    }).join();
    std::thread([&] {
      REQUIRE(Parker::current() == former);
      const Parker::Wakeup wakeup = former->park(Deadline::after(0.003));
      CHECK_FALSE(wakeup.interrupted);
      CHECK(wakeup.timed_out);
    }).join();
  }

  TEST_CASE("a signal interrupts a wait, which then goes on with its place and its deadline") {
    for (int flags : {0, SA_RESTART}) {
      const CountSignals count(flags);
      auto channel = channel_of(0);
      std::atomic<pthread_t> waiting{};
      std::atomic<int> interruptions{0};
      auto thread = in_thread([&] {
        waiting = pthread_self();
        Receive receive(*channel);
        Operation* const operations[] = {&receive};
        Wait wait(operations, {});
        Selected selected = wait.start();
        while (selected.status == Status::pending || selected.status == Status::interrupted) {
          if (selected.status == Status::interrupted) ++interruptions;
          selected = wait.wait();
        }
        return std::pair(selected.status, number_in(receive.item()));
      });
      REQUIRE(eventually([&] { return channel->waiting_receivers() == 1; }));
      // A signal just before the sleep does not end it, hence the repetition.
      REQUIRE(eventually([&] {
        pthread_kill(waiting, SIGUSR1);
        return interruptions >= 3;
      }));
      CHECK(channel->waiting_receivers() == 1);
      CHECK(handled >= 3);
      REQUIRE(eventually([&] { return try_send(*channel, 7) == Status::ok; }));
      CHECK(thread.get() == std::pair(Status::ok, std::uint64_t{7}));
    }
  }

  TEST_CASE("the calls that wait return interrupted and have consumed nothing") {
    const CountSignals count(0);
    auto channel = channel_of(0);
    std::atomic<pthread_t> waiting{};
    std::atomic<bool> is_over{false};
    auto thread = in_thread([&] {
      waiting = pthread_self();
      Item item = number_item(5);
      const Status status = channel->send(item);
      is_over = true;
      return std::pair(status, number_in(item));
    });
    REQUIRE(eventually([&] { return channel->waiting_senders() == 1; }));
    REQUIRE(eventually([&] {
      if (!is_over) pthread_kill(waiting, SIGUSR1);
      return is_over.load();
    }));
    CHECK(thread.get() == std::pair(Status::interrupted, std::uint64_t{5}));
    CHECK(channel->waiting_senders() == 0);
  }

  TEST_CASE("signals race completions") {
    const CountSignals count(0);
    auto channel = channel_of(0);
    constexpr std::uint64_t items = 20'000;
    std::atomic<pthread_t> waiting{};
    std::atomic<bool> is_over{false};
    auto receiver = in_thread([&] {
      waiting = pthread_self();
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < items;) {
        Item item;
        const Status status = channel->receive(item);
        if (status == Status::interrupted) continue;
        if (status != Status::ok) break;
        sum += number_in(item);
        ++i;
      }
      is_over = true;
      // Stays alive for the last pthread_kill.
      return eventually([&] { return waiting == pthread_t{}; }) ? sum : 0;
    });
    auto sender = in_thread([&] {
      bool all_sent = true;
      for (std::uint64_t i = 1; i <= items; ++i)
        all_sent = all_sent && send(*channel, i) == Status::ok;
      return all_sent;
    });
    REQUIRE(eventually([&] { return waiting != pthread_t{}; }));
    while (!is_over) {
      pthread_kill(waiting, SIGUSR1);
      std::this_thread::yield();
    }
    waiting = pthread_t{};
    CHECK(sender.get());
    CHECK(receiver.get() == items * (items + 1) / 2);
  }

  TEST_CASE("a wait inside a wait, as from a signal handler") {
    auto outer_channel = channel_of(0);
    auto inner_channel = channel_of(0);
    auto thread = in_thread([&] {
      Receive outer(*outer_channel);
      Operation* const operations[] = {&outer};
      Wait wait(operations, {});
      Parker::current()->interrupt();
      Selected selected = wait.start();
      if (selected.status != Status::pending || wait.wait().status != Status::interrupted)
        return false;
      // The outer wait keeps its place; its completion does not end the inner one.
      Item inner;
      if (inner_channel->receive(inner) != Status::ok || number_in(inner) != 2) return false;
      return wait.wait().status == Status::ok && number_in(outer.item()) == 1;
    });
    REQUIRE(eventually([&] { return inner_channel->waiting_receivers() == 1; }));
    CHECK(try_send(*outer_channel, 1) == Status::ok);
    CHECK(inner_channel->waiting_receivers() == 1);
    CHECK(try_send(*inner_channel, 2) == Status::ok);
    CHECK(thread.get());
  }

  TEST_CASE("deadlines") {
    CHECK(Deadline::after(0) == Deadline::past());
    CHECK(Deadline::after(-1) == Deadline::past());
    CHECK(Deadline::after(std::numeric_limits<double>::infinity()).is_never());
    CHECK(Deadline::after(std::numeric_limits<double>::quiet_NaN()).is_never());
    CHECK(Deadline::after(1e300).is_never());
    CHECK(Deadline::past().is_over());
    CHECK_FALSE(Deadline::never().is_over());
    const Deadline soon = Deadline::after(0.5);
    CHECK(soon.seconds_left() <= 0.5);
    CHECK(soon.seconds_left() > 0.1);
    CHECK(soon < Deadline::never());
  }
}
