// A server whose answers are computed by Python, on all cores.
//
//   server_loop [number of clients] [requests per client]
//
//   clients --> sockets --> C++ threads, one per connection --> a pool of interpreters
//           <--         <--                                 <--
//
// The C++ threads speak the protocol, a line for a request and a line for its answer, and hand each
// request to the pool. They are asleep while Python works; no lock and no GIL stands between them.
// The server listens on a free port of this machine; the clients are threads of the same program,
// which check the answers. A request that makes Python raise is answered, too.
#include <atoll/atoll.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

constexpr const char* python_source = R"(
def factorize(text):
    n, factors, divisor = int(text), [], 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return " ".join(map(str, factors + [n] * (n > 1)))
)";

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// A socket, and the lines that come out of it.
class Connection {
 public:
  explicit Connection(int fd) noexcept : fd_(fd) {}
  Connection(Connection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// False: the other side has closed.
  bool receive(std::string& line) {
    std::size_t end;
    while ((end = received_.find('\n')) == received_.npos) {
      char bytes[4096];
      const ssize_t size = ::recv(fd_, bytes, sizeof bytes, 0);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return false;
      received_.append(bytes, static_cast<std::size_t>(size));
    }
    line = received_.substr(0, end);
    received_.erase(0, end + 1);
    return true;
  }

  void send(const std::string& line) const {
    const std::string bytes = line + "\n";
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t size = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size < 0 && errno != EINTR) fail("send");
      if (size > 0) sent += static_cast<std::size_t>(size);
    }
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
  std::string received_;
};

// [serve]
/// One connection: each line is a task for the pool.
void serve(Connection connection, const atoll::Pool& pool) {
  std::string request;
  while (connection.receive(request)) {
    try {
      auto answer = pool.submit_with<std::string>("factorize", {request}, {}, {.timeout = 10s});
      connection.send(answer.get());
    } catch (const atoll::ExecutionFailed& error) {
      connection.send("error: " + error.message());
    } catch (const atoll::TaskTimedOut&) {
      connection.send("error: that takes too long");
    }
  }
}
// [serve]

Connection listen_somewhere(sockaddr_in& address) {
  Connection listener(::socket(AF_INET, SOCK_STREAM, 0));
  socklen_t size = sizeof address;
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.fd(), generic, size) != 0 || ::listen(listener.fd(), 64) != 0 ||
      ::getsockname(listener.fd(), generic, &size) != 0) {
    fail("the port cannot be opened");
  }
  return listener;
}

/// The product of the factors, or 0 if that is no answer.
std::int64_t multiply(const std::string& factors) {
  std::int64_t product = factors.empty() ? 0 : 1;
  const char* at = factors.c_str();
  while (*at) {
    char* end;
    product *= std::strtoll(at, &end, 10);
    if (end == at) return 0;
    at = end + (*end == ' ');
  }
  return product;
}

/// Asks, and checks what comes back; returns how many answers were right.
int ask(const sockaddr_in& address, int client, int requests) {
  Connection connection(::socket(AF_INET, SOCK_STREAM, 0));
  if (::connect(connection.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    fail("connect");
  }
  int right = 0;
  std::string answer;
  for (int i = 0; i < requests; ++i) {
    const std::int64_t number = 1'000'003LL * (client + 2) * (i + 1);
    connection.send(std::to_string(number));
    right += connection.receive(answer) && multiply(answer) == number;
  }
  connection.send("seven");
  right += connection.receive(answer) &&
           answer == "error: invalid literal for int() with base 10: 'seven'";
  return right;
}

int main(int argc, char** argv) try {
  const int clients = argc > 1 ? std::atoi(argv[1]) : 8;
  const int requests = argc > 2 ? std::atoi(argv[2]) : 50;

  atoll::Runtime runtime;
  auto pool = atoll::Pool::create({.source = python_source, .warm = 1, .name = "server"});

  sockaddr_in address;
  const Connection listener = listen_somewhere(address);
  std::atomic<int> right{0};
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i) {
      threads.emplace_back([&, i] { right += ask(address, i, requests); });
    }
    for (int i = 0; i < clients; ++i) {
      Connection connection(::accept(listener.fd(), nullptr, nullptr));
      threads.emplace_back([&pool, accepted = std::move(connection)]() mutable {
        serve(std::move(accepted), pool);
      });
    }
  }  // all have said what they have to say
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  pool.shutdown();

  const auto stats = pool.stats();
  const int expected = clients * (requests + 1);
  std::cout << std::fixed << std::setprecision(2) << clients << " clients, " << stats.submitted
            << " requests to " << pool.interpreters() << " interpreters in " << seconds.count()
            << " s: " << stats.finished << " answered, " << stats.failed << " refused\n"
            << (right == expected ? "The answers are right.\n" : "THE ANSWERS ARE WRONG!\n");
  return right == expected ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
