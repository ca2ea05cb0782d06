// What the futures of the C++ API stand for: tasks that are given Values, and end with one.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "atoll/value.hpp"
#include "core/memory/message.hpp"
#include "runtime/execution/run.hpp"
#include "runtime/pool/pool_task.hpp"

namespace libatoll::api {

/// The arguments of a call, ready to be sent: a message each.
class PackedArguments {
 public:
  PackedArguments() = default;
  /// Throws what encode() throws, and ValueError for keywords whose names are no text.
  PackedArguments(std::span<const Value> positional, const Dict& keywords);

  /// Makes the call in the interpreter that the calling thread is in, once. Throws PythonRaised,
  /// NotShareableError.
  [[nodiscard]] py::Ref pass_to(const py::Ref& callable, transfer::Context& context);

 private:
  std::vector<core::Message> values_;
  std::vector<std::string> names_;  ///< of the last ones
};

class ValueTask : public runtime::PoolTask {
 public:
  /// Of a task that is over. Throws what has come of it instead.
  [[nodiscard]] const Value& value() const;
  /// The same, by whoever is the only one to know the task.
  [[nodiscard]] Value take_value();

 protected:
  explicit ValueTask(double timeout) noexcept : PoolTask(timeout) {}
  ~ValueTask() override = default;

  /// In the worker's interpreter. Throws PythonRaised, and what atoll throws.
  [[nodiscard]] virtual Value evaluate(transfer::Context& context) = 0;

 private:
  void run(transfer::Context& context, runtime::RunResult& result) final;
  void require_value() const;

  // Written before the task is finished, read only after that.
  Value value_;
  std::exception_ptr failure_;
};

/// Calls `callable` once.
class NamedCall final : public ValueTask {
 public:
  NamedCall(std::string_view callable, PackedArguments arguments, double timeout)
      : ValueTask(timeout), callable_(callable), arguments_(std::move(arguments)) {}

 private:
  [[nodiscard]] Value evaluate(transfer::Context& context) override;
  void drop_arguments() noexcept override { arguments_ = {}; }

  const std::string callable_;
  PackedArguments arguments_;
};

/// Calls `callable` with each of the items. The value is the List of results.
class NamedMap final : public ValueTask {
 public:
  /// `first`: the number of the first item, for errors.
  NamedMap(std::string_view callable, std::span<const Value> items, std::size_t first,
           double timeout);

 private:
  [[nodiscard]] Value evaluate(transfer::Context& context) override;
  void drop_arguments() noexcept override { items_.clear(); }

  const std::string callable_;
  const std::size_t first_;
  std::vector<core::Message> items_;
};

/// Why a pool is broken, as BrokenPool.
[[noreturn]] void throw_broken(const runtime::Pool& pool);

}  // namespace libatoll::api
