// atoll: many isolated Python interpreters in one process.
//
//   #include <atoll/atoll.hpp>
//
//   atoll::Runtime runtime;
//   auto python = atoll::Interpreter::create();
//   python.exec("def area(r): return 3.14159 * r * r");
//   double a = python.call("area", 2.0).as<double>();
//
// No CPython headers, no thread states, no GIL: an Interpreter may be used from any thread.
// Interpreters on different threads run in parallel. Errors are exceptions derived from
// atoll::Error; one that Python code raised is an ExecutionFailed with the traceback.
//
// The namespace is `libatoll`: <stdlib.h> declares a function `atoll` (text to long long), and a
// global name cannot be both a function and a namespace. A function and a class can share one, as
// stat() and struct stat do, so this header lets you write `atoll::Name` for every public
// `libatoll::Name`. (Only a using-declaration needs the real one: `using libatoll::Value;`.)
//
// Every part can be included by itself too.
#pragma once

#include "atoll/version.hpp"

#include "atoll/error.hpp"

#include "atoll/bigint.hpp"
#include "atoll/bytes.hpp"
#include "atoll/shared_buffer.hpp"
#include "atoll/value.hpp"

#include "atoll/timeout.hpp"

#include "atoll/channel.hpp"
#include "atoll/queue.hpp"
#include "atoll/select.hpp"
#include "atoll/timer.hpp"
#include "atoll/typed_channel.hpp"

#include "atoll/config.hpp"
#include "atoll/future.hpp"
#include "atoll/interpreter.hpp"
#include "atoll/pool.hpp"
#include "atoll/runtime.hpp"

/// Short for `libatoll::`; never an object.
struct atoll {
  atoll() = delete;

  using AnyFuture = libatoll::AnyFuture;
  using BigInt = libatoll::BigInt;
  using Bytes = libatoll::Bytes;
  using CancelOptions = libatoll::CancelOptions;
  using Case = libatoll::Case;
  template <class T>
  using Channel = libatoll::Channel<T>;
  using Config = libatoll::Config;
  template <class T>
  using Converter = libatoll::Converter<T>;
  using Dict = libatoll::Dict;
  using Extensions = libatoll::Extensions;
  template <class T = libatoll::Value>
  using Future = libatoll::Future<T>;
  using Gil = libatoll::Gil;
  using Interpreter = libatoll::Interpreter;
  using InterpreterOptions = libatoll::InterpreterOptions;
  using Kind = libatoll::Kind;
  using List = libatoll::List;
  using MapOptions = libatoll::MapOptions;
  using Pool = libatoll::Pool;
  using PoolOptions = libatoll::PoolOptions;
  using PoolStats = libatoll::PoolStats;
  using Queue = libatoll::Queue;
  using Receiver = libatoll::Receiver;
  using Runtime = libatoll::Runtime;
  using RuntimeOptions = libatoll::RuntimeOptions;
  using Selected = libatoll::Selected;
  using SelectOrder = libatoll::SelectOrder;
  using Sender = libatoll::Sender;
  using SharedBuffer = libatoll::SharedBuffer;
  using ShutdownOptions = libatoll::ShutdownOptions;
  using TaskOptions = libatoll::TaskOptions;
  using Timeout = libatoll::Timeout;
  using Tuple = libatoll::Tuple;
  template <class T>
  using TypedReceiver = libatoll::TypedReceiver<T>;
  template <class T>
  using TypedSender = libatoll::TypedSender<T>;
  using Value = libatoll::Value;
  using Whence = libatoll::Whence;

  using BrokenPool = libatoll::BrokenPool;
  using Cancelled = libatoll::Cancelled;
  using Closed = libatoll::Closed;
  using ConfigError = libatoll::ConfigError;
  using Error = libatoll::Error;
  using ExecutionFailed = libatoll::ExecutionFailed;
  using InterpreterError = libatoll::InterpreterError;
  using InterpreterNotFoundError = libatoll::InterpreterNotFoundError;
  using ItemInterpreterDestroyed = libatoll::ItemInterpreterDestroyed;
  using NotShareableError = libatoll::NotShareableError;
  using QueueEmpty = libatoll::QueueEmpty;
  using QueueError = libatoll::QueueError;
  using QueueFull = libatoll::QueueFull;
  using QueueNotFoundError = libatoll::QueueNotFoundError;
  using StartupError = libatoll::StartupError;
  using TimeoutError = libatoll::TimeoutError;
  using TaskTimedOut = libatoll::TaskTimedOut;
  using ValueError = libatoll::ValueError;

  static constexpr std::size_t unbounded = libatoll::unbounded;

  /// See libatoll::channel().
  [[nodiscard]] static std::pair<Sender, Receiver> channel(std::size_t capacity = 0) {
    return libatoll::channel(capacity);
  }
  /// See libatoll::after().
  [[nodiscard]] static Receiver after(Timeout delay) { return libatoll::after(delay); }
  /// See libatoll::ticker().
  [[nodiscard]] static Receiver ticker(Timeout interval) { return libatoll::ticker(interval); }
  /// See libatoll::select().
  [[nodiscard]] static Selected select(std::span<const Case> cases, Timeout timeout = {},
                                       SelectOrder order = SelectOrder::random) {
    return libatoll::select(cases, timeout, order);
  }
  [[nodiscard]] static Selected select(std::initializer_list<Case> cases, Timeout timeout = {},
                                       SelectOrder order = SelectOrder::random) {
    return libatoll::select(cases, timeout, order);
  }
  /// See libatoll::try_select().
  [[nodiscard]] static std::optional<Selected> try_select(std::span<const Case> cases,
                                                          Timeout timeout = Timeout::none(),
                                                          SelectOrder order = SelectOrder::random) {
    return libatoll::try_select(cases, timeout, order);
  }
  [[nodiscard]] static std::optional<Selected> try_select(std::initializer_list<Case> cases,
                                                          Timeout timeout = Timeout::none(),
                                                          SelectOrder order = SelectOrder::random) {
    return libatoll::try_select(cases, timeout, order);
  }

  /// See libatoll::to_string().
  [[nodiscard]] static std::string to_string(const Value& value) {
    return libatoll::to_string(value);
  }
  [[nodiscard]] static std::string_view to_string(Kind kind) noexcept {
    return libatoll::to_string(kind);
  }
  [[nodiscard]] static std::string_view to_string(Gil gil) noexcept {
    return libatoll::to_string(gil);
  }
  [[nodiscard]] static std::string_view to_string(Extensions extensions) noexcept {
    return libatoll::to_string(extensions);
  }
  /// See libatoll::gil_from_string().
  [[nodiscard]] static Gil gil_from_string(std::string_view text) {
    return libatoll::gil_from_string(text);
  }
  /// See libatoll::extensions_from_string().
  [[nodiscard]] static Extensions extensions_from_string(std::string_view text) {
    return libatoll::extensions_from_string(text);
  }
  /// See libatoll::default_extensions().
  [[nodiscard]] static Extensions default_extensions() noexcept {
    return libatoll::default_extensions();
  }

  /// See libatoll::version().
  [[nodiscard]] static std::string_view version() noexcept { return libatoll::version(); }
};
