// Python in a C++ program: start it, run code, call functions, get values, handle errors.
#include <atoll/atoll.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// [converter]
struct Point {
  double x, y;
};

template <>
struct libatoll::Converter<Point> {
  static Value to_value(const Point& point) { return Tuple{point.x, point.y}; }
  static Point from_value(const Value& value) {
    return {value.at(0).as<double>(), value.at(1).as<double>()};
  }
};
// [converter]

int main() {
  // [start]
  atoll::Runtime runtime;
  std::cout << "Python " << runtime.python_version() << ", atoll " << atoll::version() << "\n";
  // [start]

  // [call]
  auto python = atoll::Interpreter::create();
  python.exec(R"(
def area(radius):
    return 3.14159 * radius * radius
)");
  double a = python.call("area", 2.0).as<double>();
  std::cout << "area: " << a << "\n";

  // A function of a module; keyword arguments; an expression.
  atoll::Value lines = python.call("textwrap:wrap", "one two three four", 9);
  atoll::Value text = python.call_with("json:dumps", {lines}, {{"indent", nullptr}});
  std::int64_t big = python.eval("2 ** 62").as<std::int64_t>();
  std::cout << text << ", " << big << "\n";  // '["one two", "three", "four"]', 4611686018427387904
  // [call]

  // [values]
  atoll::Value order = atoll::Dict{
      {"customer", "Ada"},
      {"items", std::vector<std::string>{"tea", "milk"}},
      {"prices", std::map<std::string, double>{{"milk", 1.2}, {"tea", 3.4}}},
      {"paid", false},
  };
  python.set("order", order);
  python.exec("total = sum(order['prices'][item] for item in order['items'])");
  double total = python.get("total").as<double>();

  atoll::Value summary = python.eval("{'total': total, 'names': sorted(order), 'n': len(order)}");
  auto names = summary.at("names").as<std::vector<std::string>>();
  std::cout << summary << ", first of " << names.size() << ": " << names.front() << "\n";
  // [values]

  // [own_types]
  auto corners = python.call("sorted", std::vector<Point>{{3, 4}, {1, 2}}).as<std::vector<Point>>();
  std::cout << "first corner: " << corners.front().x << ", " << corners.front().y << "\n";
  // [own_types]

  // [errors]
  try {
    python.call("area", "two");
  } catch (const atoll::ExecutionFailed& error) {
    std::cout << error.type() << ": " << error.message() << "\n";
    std::cout << error.traceback() << "\n";
  }
  try {
    atoll::Value set = python.eval("{1, 2}");
  } catch (const atoll::NotShareableError& error) {
    std::cout << error.what() << "\n";  // result: set object cannot become an atoll::Value ...
  }
  // [errors]

  // [threads]
  std::vector<std::thread> threads;
  std::vector<std::int64_t> sums(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i, &sums] {
      auto worker = atoll::Interpreter::create();  // its own GIL: runs in parallel to the others
      worker.exec("def work(n): return sum(k * k for k in range(n))");
      sums[i] = worker.call("work", 100'000 * (i + 1)).as<std::int64_t>();
    });  // the last handle goes: the interpreter is closed
  }
  for (auto& thread : threads) thread.join();
  // [threads]
  for (std::int64_t sum : sums) std::cout << sum << "\n";

  // [pool]
  auto pool = atoll::Pool::create({
      .interpreters = 4,
      .preload = {"json"},
      .source = "def work(n): return sum(k * k for k in range(n))",
  });
  auto future = pool.submit<std::int64_t>("work", 100'000);  // in one of its interpreters, soon
  std::int64_t now = pool.run<std::int64_t>("work", 200'000);
  std::vector<std::int64_t> many = pool.map<std::int64_t>("work", std::vector{1, 2, 3});

  auto limited = pool.submit_with("json:dumps", {many}, {{"indent", 1}}, {.timeout = 10s});
  auto first = atoll::select({limited, atoll::after(60s)});
  std::cout << now + future.get() << ", " << first.value << "\n";
  pool.shutdown();  // when all is done
  // [pool]

  // [queues]
  auto jobs = atoll::Queue::create(100);  // holds at most 100 items
  auto [answer, answers] = atoll::channel();
  std::jthread worker([jobs, answer = std::move(answer)] {
    auto clerk = atoll::Interpreter::create();
    for (auto job = jobs.get(); !job.is_none(); job = jobs.get()) {
      answer.send(clerk.call("str.upper", job));
    }
  });  // with the last Sender the channel is closed
  for (const char* job : {"tea", "milk"}) jobs.put(job);
  jobs.put(nullptr);

  std::string shouted;
  auto deadline = atoll::after(std::chrono::minutes(1));
  for (;;) {
    auto ready = atoll::select({answers, deadline});
    if (ready.index == 1 || ready.closed) break;
    shouted += ready.value.as<std::string>();
  }
  // [queues]
  std::cout << shouted << "\n";

  bool right = a > 12.56 && a < 12.57 && total > 4.59 && total < 4.61 && names.size() == 4 &&
               sums[0] == 333328333350000 && future.get() == sums[0] && many[2] == 5 &&
               shouted == "TEAMILK";
  return right ? 0 : 1;
}
