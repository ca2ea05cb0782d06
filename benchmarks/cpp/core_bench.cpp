// What the core costs, beside the raw means of the machine. Prints medians of several runs:
//
//   core_bench [runs]
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/channel/channel.hpp"
#include "core/parking/futex.hpp"
#include "core/wait/select.hpp"

using namespace libatoll::core;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Item small_item() {
  const std::uint64_t number = 42;
  return Item(Message::copy_of(std::as_bytes(std::span(&number, 1))));
}

/// Two threads and one futex word, nothing else: what the machine asks for waking somebody.
double raw_futex_round_trip(int rounds) {
  std::atomic<std::uint32_t> word{0};
  const auto wait_while = [&](std::uint32_t value) {
    while (word.load() == value) {
      syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
    }
  };
  const auto set = [&](std::uint32_t value) {
    word.store(value);
    syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
  };
  std::thread echo([&] {
    for (int i = 0; i < rounds; ++i) {
      wait_while(0);
      set(0);
    }
  });
  const double seconds = seconds_of([&] {
    for (int i = 0; i < rounds; ++i) {
      set(1);
      wait_while(1);
    }
  });
  echo.join();
  return seconds / rounds;
}

double channel_round_trip(std::size_t capacity, int rounds) {
  auto there = Handle<Channel>::make(capacity);
  auto back = Handle<Channel>::make(capacity);
  std::thread echo([&] {
    Item item;
    while (there->receive(item) == Status::ok) {
      if (back->send(item) != Status::ok) return;
    }
  });
  const double seconds = seconds_of([&] {
    Item item = small_item();
    for (int i = 0; i < rounds; ++i) {
      if (there->send(item) != Status::ok || back->receive(item) != Status::ok) std::abort();
    }
  });
  there->close(Channel::Close::now);
  echo.join();
  return seconds / rounds;
}

double put_get_pair(std::size_t capacity, int rounds, int depth = 0) {
  auto channel = Handle<Channel>::make(capacity);
  Item item = small_item();
  for (int i = 0; i < depth; ++i) {
    Item more = small_item();
    if (channel->try_send(more) != Status::ok) std::abort();
  }
  return seconds_of([&] {
           for (int i = 0; i < rounds; ++i) {
             if (channel->try_send(item) != Status::ok) std::abort();
             if (channel->try_receive(item) != Status::ok) std::abort();
           }
         }) /
         rounds;
}

double transfer(std::size_t capacity, int senders, int receivers, int items) {
  auto channel = Handle<Channel>::make(capacity);
  std::vector<std::thread> sending;
  std::vector<std::thread> receiving;
  const double seconds = seconds_of([&] {
    for (int i = 0; i < receivers; ++i) {
      receiving.emplace_back([&] {
        Item item;
        while (channel->receive(item) == Status::ok) {
        }
      });
    }
    for (int i = 0; i < senders; ++i) {
      sending.emplace_back([&] {
        Item item;
        for (int n = 0; n < items / senders; ++n) {
          item = small_item();
          if (channel->send(item) != Status::ok) std::abort();
        }
      });
    }
    for (auto& thread : sending) thread.join();
    channel->close(Channel::Close::sending);
    for (auto& thread : receiving) thread.join();
  });
  return seconds / items;
}

/// One of several channels is ready.
double select_ready(int cases, int rounds) {
  std::vector<Handle<Channel>> channels;
  std::deque<Receive> receives;
  std::vector<Operation*> operations;
  for (int i = 0; i < cases; ++i) {
    channels.push_back(Handle<Channel>::make(std::size_t{1}));
    receives.emplace_back(*channels.back());
    operations.push_back(&receives.back());
  }
  Item item = small_item();
  return seconds_of([&] {
           for (int i = 0; i < rounds; ++i) {
             auto& channel = *channels[static_cast<std::size_t>(i % cases)];
             if (channel.try_send(item) != Status::ok) std::abort();
             const Selected selected = select(operations);
             if (selected.status != Status::ok) std::abort();
             item = std::move(receives[selected.index].item());
           }
         }) /
         rounds;
}

/// Enqueues in all channels and gives up: the price of a wait without the sleep.
double select_timed_out(int cases, int rounds) {
  std::vector<Handle<Channel>> channels;
  std::deque<Receive> receives;
  std::vector<Operation*> operations;
  for (int i = 0; i < cases; ++i) {
    channels.push_back(Handle<Channel>::make(std::size_t{1}));
    receives.emplace_back(*channels.back());
    operations.push_back(&receives.back());
  }
  return seconds_of([&] {
           for (int i = 0; i < rounds; ++i) {
             const Selected selected = select(operations, {.deadline = Deadline::past()});
             if (selected.status != Status::timed_out) std::abort();
           }
         }) /
         rounds;
}

struct Row {
  std::string name;
  double scale;
  const char* unit;
  std::function<double()> measure;
  std::string beside = {};  ///< the row that this one is compared with
  std::vector<double> values = {};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--raw-futex") {
    // For benchmarks/queues.py: microseconds per round trip, of so many.
    std::printf("%.3f\n", raw_futex_round_trip(std::atoi(argv[2])) * 1e6);
    return 0;
  }
  const int runs = argc > 1 ? std::atoi(argv[1]) : 9;
  constexpr double nano = 1e9;
  constexpr double micro = 1e6;
  constexpr std::size_t unbounded = Channel::unbounded;
  std::vector<Row> rows = {
      {"raw futex, round trip of two threads", micro, "us",
       [] { return raw_futex_round_trip(5000); }},
      {"channel round trip, unbounded", micro, "us",
       [] { return channel_round_trip(unbounded, 5000); }, "raw futex, round trip of two threads"},
      {"channel round trip, capacity 0", micro, "us", [] { return channel_round_trip(0, 5000); },
       "raw futex, round trip of two threads"},
      {"put+get, one thread, unbounded", nano, "ns",
       [] { return put_get_pair(unbounded, 2'000'000); }},
      {"put+get, one thread, bounded", nano, "ns", [] { return put_get_pair(10, 2'000'000); }},
      {"put+get, one thread, 1000 items deep", nano, "ns",
       [] { return put_get_pair(unbounded, 2'000'000, 1000); }},
      {"1 sender, 1 receiver, unbounded, per item", nano, "ns",
       [] { return transfer(unbounded, 1, 1, 500'000); }},
      {"2 senders, 2 receivers, unbounded, per item", nano, "ns",
       [] { return transfer(unbounded, 2, 2, 500'000); }},
      {"2 senders, 2 receivers, room for 100, per item", nano, "ns",
       [] { return transfer(100, 2, 2, 500'000); }},
      {"2 senders, 2 receivers, capacity 0, per item", nano, "ns",
       [] { return transfer(0, 2, 2, 20'000); }},
      {"send + select, 1 case", nano, "ns", [] { return select_ready(1, 500'000); }},
      {"send + select, 4 cases", nano, "ns", [] { return select_ready(4, 500'000); }},
      {"select that times out, 1 case", nano, "ns", [] { return select_timed_out(1, 100'000); }},
      {"select that times out, 4 cases", nano, "ns", [] { return select_timed_out(4, 100'000); }},
  };
  // Interleaved, so that what else the machine does falls on all of them alike.
  for (int run = 0; run < runs; ++run) {
    for (Row& row : rows) row.values.push_back(row.measure());
  }
  std::printf("%u CPUs, medians of %d runs\n%-50s %10s %10s %10s  %s\n", usable_cpus(), runs, "",
              "median", "min", "max", "ratio");
  for (const Row& row : rows) {
    const auto [least, most] = std::minmax_element(row.values.begin(), row.values.end());
    std::printf("%-50s %7.2f %s %7.2f %s %7.2f %s", row.name.c_str(),
                median(row.values) * row.scale, row.unit, *least * row.scale, row.unit,
                *most * row.scale, row.unit);
    for (const Row& other : rows) {
      if (other.name != row.beside) continue;
      // Of each run, since the raw figure itself varies.
      std::vector<double> ratios;
      for (std::size_t i = 0; i < row.values.size(); ++i) {
        ratios.push_back(row.values[i] / other.values[i]);
      }
      std::printf("  %.2f x", median(ratios));
    }
    std::printf("\n");
  }
  return 0;
}
