// A pipeline: source and sink are C++, the stages in between are Python interpreters.
//
//   pipeline [file or directory ...]
//
//   C++ reads files --> Python takes out the words (2 interpreters)
//                   --> Python counts them         (2 interpreters)
//                   --> C++ adds up, and compares with a count of its own
//
// The arrows are channels. Every stage runs on a thread of its own and waits, asleep, for the one
// before and the one behind it; channels hold few values, so nobody runs far ahead of the others.
// The files are Python's own standard library unless some are named.
#include <atoll/atoll.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

using Counts = std::map<std::string, std::int64_t>;

constexpr const char* python_source = R"(
import collections, re

def split(data):
    return re.findall("[A-Za-z_][A-Za-z_0-9]*", data.decode("latin-1"))

def count(words):
    return collections.Counter(words)
)";

// [stage]
/// Passes what comes in through a Python function, and on; in an interpreter of its own.
void run_stage(const char* function, atoll::Receiver in, atoll::Sender out) try {
  auto python = atoll::Interpreter::create();
  python.exec(python_source);
  for (const atoll::Value& value : in) out.send(python.call(function, value));
  // The ends go here, and with the last copy of "out" the loop of the next stage ends.
} catch (const atoll::Error& error) {
  std::cerr << function << ": " << error.what() << "\n";
}
// [stage]

std::vector<fs::path> find_sources(const std::vector<std::string>& places) {
  std::vector<fs::path> files;
  for (const fs::path place : places) {
    if (!fs::is_directory(place)) {
      files.push_back(place);
      continue;
    }
    for (auto entry = fs::recursive_directory_iterator(place); entry != end(entry); ++entry) {
      const std::string name = entry->path().filename().string();
      if (entry->is_directory() && (name == "site-packages" || name == "test")) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file() && entry->path().extension() == ".py") {
        files.push_back(entry->path());
      }
    }
  }
  return files;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the pipeline computes, in C++.
void count_words(const std::string& text, Counts& counts) {
  const auto starts = [](unsigned char c) {
    return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  const auto goes_on = [&](unsigned char c) { return starts(c) || (c >= '0' && c <= '9'); };
  for (auto at = text.begin(); at != text.end();) {
    at = std::find_if(at, text.end(), starts);
    const auto end = std::find_if_not(at, text.end(), goes_on);
    if (at != end) ++counts[std::string(at, end)];
    at = end;
  }
}

/// The source.
void read_files(const std::vector<fs::path>& files, Counts& expected, atoll::Sender out) try {
  for (const fs::path& file : files) {
    const std::string text = content_of(file);
    count_words(text, expected);
    out.send(atoll::Bytes(text));
  }
} catch (const atoll::Closed&) {
  // No stage is left to receive; they have said why.
}

int main(int argc, char** argv) try {
  atoll::Runtime runtime({.argv = {argv, argv + argc}});
  std::vector<std::string> places(argv + 1, argv + argc);
  if (places.empty()) {
    places.push_back(runtime.main().call("sysconfig:get_path", "stdlib").as<std::string>());
  }
  const std::vector<fs::path> files = find_sources(places);
  const auto start = std::chrono::steady_clock::now();

  Counts expected;
  Counts counts;
  // [pipeline]
  std::vector<std::jthread> threads;
  auto [texts_in, texts] = atoll::channel(4);
  auto [words_in, words] = atoll::channel(4);
  auto [counts_in, counted] = atoll::channel(4);
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back(run_stage, "split", texts, words_in);
    threads.emplace_back(run_stage, "count", words, counts_in);
  }
  threads.emplace_back(read_files, std::cref(files), std::ref(expected), std::move(texts_in));
  // The threads have ends of their own; these would keep the channels open.
  texts.close();
  words.close();
  words_in.close();
  counts_in.close();

  std::size_t texts_counted = 0;
  for (const atoll::Value& some : counted) {
    for (const auto& [word, count] : some.as<atoll::Dict>()) {
      counts[word.as<std::string>()] += count.as<std::int64_t>();
    }
    ++texts_counted;
  }
  // [pipeline]
  threads.clear();

  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::cout << std::fixed << std::setprecision(2) << texts_counted << " of " << files.size()
            << " files, " << counts.size() << " different words, in " << seconds.count()
            << " s\nmost used:";
  std::vector<std::pair<std::int64_t, std::string>> most;
  for (const auto& [word, count] : counts) most.emplace_back(count, word);
  const auto shown = std::min<std::ptrdiff_t>(5, std::ssize(most));
  std::partial_sort(most.begin(), most.begin() + shown, most.end(), std::greater<>());
  for (auto it = most.begin(); it != most.begin() + shown; ++it) {
    std::cout << "  " << it->second << " " << it->first;
  }
  const bool equal = texts_counted == files.size() && counts == expected;
  std::cout << "\n" << (equal ? "The results are equal.\n" : "THE RESULTS DIFFER!\n");
  return equal ? 0 : 1;
} catch (const atoll::Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
