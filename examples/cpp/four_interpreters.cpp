// Four Python interpreters on four threads of a C++ program.
//
//   four_interpreters [file or directory ...]
//
// Every Python source file given on the command line (by default: Python's own standard library) is
// taken apart by Python's tokenizer: lines, comments, and how often each name occurs. First one
// interpreter does all files, then four do them together; C++ deals out the files, merges what
// comes back, and checks that both ways lead to the same result.
#include <atoll/atoll.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

constexpr const char* python_source = R"(
import collections, io, keyword, tokenize

def survey(path):
    with tokenize.open(path) as file:
        text = file.read()
    names = collections.Counter()
    comments = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            names[token.string] += 1
        elif token.type == tokenize.COMMENT:
            comments += 1
    return {"lines": text.count("\n"), "comments": comments, "names": names}
)";

struct Survey {
  std::int64_t files = 0;
  std::int64_t lines = 0;
  std::int64_t comments = 0;
  std::map<std::string, std::int64_t> names;
  std::map<std::string, std::string> refused;  // file -> the exception's type

  void add(const atoll::Value& result) {
    ++files;
    lines += result.at("lines").as<std::int64_t>();
    comments += result.at("comments").as<std::int64_t>();
    for (const auto& [name, count] : result.at("names").as<atoll::Dict>()) {
      names[name.as<std::string>()] += count.as<std::int64_t>();
    }
  }

  void merge(const Survey& other) {
    files += other.files;
    lines += other.lines;
    comments += other.comments;
    for (const auto& [name, count] : other.names) names[name] += count;
    refused.insert(other.refused.begin(), other.refused.end());
  }

  bool operator==(const Survey&) const = default;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Worker {
  std::int64_t interpreter = 0;
  double seconds = 0;
  Survey survey;

  // Runs in any thread. `next` deals out the files.
  void run(const std::vector<std::string>& files, std::atomic<std::size_t>& next) {
    // [work]
    auto python = atoll::Interpreter::create();
    interpreter = python.id();
    python.exec(python_source);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = next++; i < files.size(); i = next++) {
      try {
        survey.add(python.call("survey", files[i]));
      } catch (const atoll::ExecutionFailed& error) {
        survey.refused.emplace(files[i], error.type());  // not Python, or of another version
      }
    }
    seconds = seconds_since(start);
    // [work]
  }
};

std::vector<std::string> find_sources(const std::vector<std::string>& places) {
  std::vector<std::string> files;
  for (const fs::path place : places) {
    if (!fs::is_directory(place)) {
      files.push_back(place.string());
      continue;
    }
    for (auto entry = fs::recursive_directory_iterator(place); entry != end(entry); ++entry) {
      const std::string name = entry->path().filename().string();
      if (entry->is_directory() && (name == "site-packages" || name == "test")) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file() && entry->path().extension() == ".py") {
        files.push_back(entry->path().string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

int main(int argc, char** argv) try {
  atoll::Runtime runtime({.argv = {argv, argv + argc}});
  std::vector<std::string> places(argv + 1, argv + argc);
  if (places.empty()) {
    places.push_back(runtime.main().call("sysconfig:get_path", "stdlib").as<std::string>());
  }
  const std::vector<std::string> files = find_sources(places);
  std::cout << std::fixed << std::setprecision(2) << "Python " << runtime.python_version() << ", "
            << std::thread::hardware_concurrency() << " cores, " << files.size() << " files in "
            << places.front() << (places.size() > 1 ? " ..." : "") << "\n\n";

  // One interpreter, one thread.
  Worker alone;
  std::atomic<std::size_t> next{0};
  auto start = std::chrono::steady_clock::now();
  alone.run(files, next);
  const double serial = seconds_since(start);
  std::cout << "one interpreter     " << serial << " s\n";

  // Four of each.
  std::vector<Worker> workers(4);
  std::vector<std::thread> threads;
  next = 0;
  start = std::chrono::steady_clock::now();
  for (Worker& worker : workers) {
    threads.emplace_back([&] { worker.run(files, next); });
  }
  for (std::thread& thread : threads) thread.join();
  Survey together;
  for (const Worker& worker : workers) together.merge(worker.survey);
  const double parallel = seconds_since(start);
  std::cout << "four interpreters   " << parallel << " s, " << serial / parallel
            << " times as fast\n";
  for (const Worker& worker : workers) {
    std::cout << "  interpreter " << worker.interpreter << ": " << worker.survey.files << " files, "
              << worker.survey.lines << " lines in " << worker.seconds << " s\n";
  }

  std::cout << "\n"
            << together.lines << " lines, " << together.comments << " comments, "
            << together.names.size() << " names, " << together.refused.size()
            << " files refused\nmost used:";
  std::vector<std::pair<std::int64_t, std::string>> most;
  for (const auto& [name, count] : together.names) most.emplace_back(count, name);
  const auto shown = std::min<std::ptrdiff_t>(5, std::ssize(most));
  std::partial_sort(most.begin(), most.begin() + shown, most.end(), std::greater<>());
  for (auto it = most.begin(); it != most.begin() + shown; ++it) {
    std::cout << "  " << it->second << " " << it->first;
  }
  std::cout << "\n\n";

  // What goes wrong in Python arrives as a C++ exception that knows where.
  try {
    auto python = atoll::Interpreter::create();
    python.exec(python_source, "survey.py");
    python.call("survey", "/no/such/file.py");
  } catch (const atoll::ExecutionFailed& error) {
    std::cout << "as expected, " << error.type() << ":\n" << error.traceback() << "\n\n";
  }

  const bool equal = together == alone.survey;
  std::cout << (equal ? "The results are equal.\n" : "THE RESULTS DIFFER!\n");
  return equal ? 0 : 1;
} catch (const atoll::Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
