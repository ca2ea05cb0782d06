#include "api/pool/tasks.hpp"

#include <sstream>
#include <utility>

#include "api/process/inside.hpp"
#include "api/value/code.hpp"
#include "api/value/codec.hpp"
#include "api/value/convert.hpp"
#include "atoll/error.hpp"
#include "runtime/pool/pool.hpp"
#include "transfer/exceptions/exception.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::api {

namespace {

/// The Python error that is set, where it says that something could not be read.
[[noreturn]] void throw_unreadable(transfer::Context& context) {
  const py::Ref error = py::Ref::steal(PyErr_GetRaisedException());
  transfer::Refusal refusal = transfer::capture_refusal(context, error.get());
  if (refusal.cause) refusal.message += "\n\n" + *refusal.cause;
  throw NotShareableError(refusal.message);
}

/// Each message arrives once.
py::Ref unpack(transfer::Context& context, core::Message message) {
  py::Ref object = transfer::decode(context, std::move(message));
  if (!object) throw_unreadable(context);
  return object;
}

}  // namespace

// --- arguments -----------------------------------------------------------------------------------

PackedArguments::PackedArguments(std::span<const Value> positional, const Dict& keywords) {
  values_.reserve(positional.size() + keywords.size());
  names_.reserve(keywords.size());
  for (std::size_t i = 0; i < positional.size(); ++i) {
    values_.push_back(encode(positional[i], "argument " + std::to_string(i + 1)));
  }
  for (const auto& [name, value] : keywords) {
    names_.push_back(argument_name(name));
    values_.push_back(encode(value, "argument " + names_.back()));
  }
}

py::Ref PackedArguments::pass_to(const py::Ref& callable, transfer::Context& context) {
  Arguments arguments(values_.size());
  const std::size_t positional = values_.size() - names_.size();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    py::Ref value = unpack(context, std::move(values_[i]));
    if (i < positional) {
      arguments.add(std::move(value));
    } else {
      arguments.add(names_[i - positional], std::move(value));
    }
  }
  return arguments.pass_to(callable);
}

// --- tasks ---------------------------------------------------------------------------------------

void ValueTask::run(transfer::Context& context, runtime::RunResult& result) {
  try {
    runtime::Interruptible span(*this);
    if (!span.begin()) throw PythonRaised();
    value_ = evaluate(context);
    drop_arguments();
    return;
  } catch (const PythonRaised&) {
    failure_ = std::make_exception_ptr(take_failure(*runtime::Registry::instance().current()));
  } catch (const std::exception&) {
    failure_ = std::current_exception();
  }
  drop_arguments();
  result.outcome = runtime::Outcome::raised;
}

void ValueTask::require_value() const {
  switch (state()) {
    case Task::State::finished:
      break;
    case Task::State::timed_out: {
      std::ostringstream text;
      text << "the task was stopped: it has run for more than " << timeout() << " s";
      throw TaskTimedOut(text.str());
    }
    default:
      throw Cancelled("the task was cancelled");
  }
  if (was_refused()) throw_broken(*pool());
  if (failure_) std::rethrow_exception(failure_);
  // It did not come to run().
  if (const auto& exception = result().exception) {
    throw ExecutionFailed(exception->type_name, exception->message, "");
  }
}

const Value& ValueTask::value() const {
  require_value();
  return value_;
}

Value ValueTask::take_value() {
  require_value();
  return std::move(value_);
}

Value NamedCall::evaluate(transfer::Context& context) {
  const py::Ref function = find_callable(callable_);
  const py::Ref result = arguments_.pass_to(function, context);
  return from_python(result.get(), "result");
}

NamedMap::NamedMap(std::string_view callable, std::span<const Value> items, std::size_t first,
                   double timeout)
    : ValueTask(timeout), callable_(callable), first_(first) {
  items_.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    items_.push_back(encode(items[i], "item " + std::to_string(first + i)));
  }
}

Value NamedMap::evaluate(transfer::Context& context) {
  const py::Ref function = find_callable(callable_);
  List results;
  results.reserve(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    Arguments arguments(1);
    arguments.add(unpack(context, std::move(items_[i])));
    const py::Ref result = arguments.pass_to(function);
    results.push_back(from_python(result.get(), "result " + std::to_string(first_ + i)));
  }
  return results;
}

void throw_broken(const runtime::Pool& pool) {
  std::string text = "the pool is broken: an interpreter could not be made, or its set-up failed";
  if (const auto& why = pool.failure().exception) {
    text += ": " + why->formatted;
    if (why->errdisplay) text += "\n\nUncaught in the interpreter:\n\n" + *why->errdisplay;
  }
  throw BrokenPool(text);
}

}  // namespace libatoll::api
