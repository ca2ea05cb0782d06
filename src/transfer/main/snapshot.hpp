// What travels of a program's `__main__`: its globals as they were when something that uses them
// was sent.
//
// None of it belongs to an interpreter. A message that refers to a definition of a `__main__` has a
// MainSnapshot attached; the receiver sets what it does not have yet, once per binding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/object.hpp"
#include "core/memory/message.hpp"

namespace libatoll::transfer {

/// One global with the value that was bound to it. Two with the same id are the same value; of two
/// bindings of one name, the later has the greater id.
class BindingRecord final : public core::Object {
 public:
  BindingRecord(std::string name, core::Message value, core::Message state,
                std::vector<std::string> needs) noexcept;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Decoded as often as there are interpreters that need it.
  [[nodiscard]] const core::Message& value() const noexcept { return value_; }
  /// Of a function or class: what it gets when all that it may refer to has been made, as the tuple
  /// of a function and the state that this sets. Empty for other values.
  [[nodiscard]] const core::Message& state() const noexcept { return state_; }
  [[nodiscard]] bool is_definition() const noexcept { return !state_.bytes().empty(); }
  /// The globals that the value itself uses.
  [[nodiscard]] const std::vector<std::string>& needs() const noexcept { return needs_; }

 private:
  std::uint64_t id_;
  std::string name_;
  core::Message value_;
  core::Message state_;
  std::vector<std::string> needs_;
};

/// What a stand-in of `__main__` begins with.
class MainProgram final : public core::Object {
 public:
  std::string file;     ///< `__file__`; empty: none (`-c`, standard input, REPL)
  std::string package;  ///< `__package__` of `python -m package.module`, for its relative imports
  std::string source;   ///< where the file cannot be read (zip files): its text
  std::string code;     ///< marshalled: is run first. Empty: all definitions go by value
};

class MainSnapshot final : public core::Object {
 public:
  MainSnapshot(std::int64_t home, core::Handle<MainProgram> program,
               std::vector<core::Handle<BindingRecord>> bindings) noexcept;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  /// The interpreter whose `__main__` it is of.
  [[nodiscard]] std::int64_t home() const noexcept { return home_; }
  [[nodiscard]] const core::Handle<MainProgram>& program() const noexcept { return program_; }
  [[nodiscard]] const std::vector<core::Handle<BindingRecord>>& bindings() const noexcept {
    return bindings_;
  }
  /// The binding of that name, or null.
  [[nodiscard]] const core::Handle<BindingRecord>* find(std::string_view name) const noexcept;

 private:
  std::uint64_t id_;
  std::int64_t home_;
  core::Handle<MainProgram> program_;
  std::vector<core::Handle<BindingRecord>> bindings_;
};

}  // namespace libatoll::transfer
