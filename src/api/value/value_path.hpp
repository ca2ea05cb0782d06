// Where in a value the work is, for errors: indices, and keys of dicts.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "atoll/error.hpp"
#include "atoll/value.hpp"

namespace libatoll::api {

/// How deeply lists, tuples and dicts may be nested. Recursion takes some hundred bytes per level
/// of the thread's stack.
inline constexpr int max_depth = 1000;

/// What an error says about an object that is not of a Value's kinds.
inline constexpr const char* not_a_value =
    " cannot become an atoll::Value (None, bool, int, float, str, bytes, list, tuple and dict can)";
inline constexpr const char* not_utf8 = "the text is not UTF-8 (send it as atoll::Bytes)";
inline constexpr const char* mutable_key = "this key is mutable: Python has no such dict";

class Path {
 public:
  /// One step inwards, for its own lifetime.
  class Step {
   public:
    Step(Path& path, std::size_t index) : path_(path) { path_.steps_.push_back({index, nullptr}); }
    Step(Path& path, const Value* key) : path_(path) { path_.steps_.push_back({0, key}); }
    ~Step() { path_.steps_.pop_back(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Path& path_;
  };

  /// `root` names the value.
  explicit Path(std::string_view root) : root_(root) {}

  [[nodiscard]] int depth() const noexcept { return static_cast<int>(steps_.size()); }

  /// Throws NotShareableError.
  [[noreturn]] void fail(const std::string& problem) const {
    constexpr std::size_t shown = 8;  // the first steps; of a deep value the rest says little
    std::string text(root_);
    for (std::size_t i = 0; i < std::min(steps_.size(), shown); ++i) {
      text += '[';
      text += steps_[i].key ? to_string(*steps_[i].key) : std::to_string(steps_[i].index);
      text += ']';
    }
    if (steps_.size() > shown) text += "...";
    throw NotShareableError(text + ": " + problem);
  }

  void check_depth() const {
    if (depth() >= max_depth) {
      fail("nested more than " + std::to_string(max_depth) + " levels deep");
    }
  }

 private:
  struct At {
    std::size_t index;
    const Value* key;
  };
  std::string_view root_;
  std::vector<At> steps_;
};

}  // namespace libatoll::api
