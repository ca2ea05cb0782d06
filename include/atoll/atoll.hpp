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
#include "atoll/value.hpp"

#include "atoll/config.hpp"
#include "atoll/interpreter.hpp"
#include "atoll/runtime.hpp"

/// Short for `libatoll::`; never an object.
struct atoll {
  atoll() = delete;

  using BigInt = libatoll::BigInt;
  using Bytes = libatoll::Bytes;
  using Config = libatoll::Config;
  using Dict = libatoll::Dict;
  using Gil = libatoll::Gil;
  using Interpreter = libatoll::Interpreter;
  using InterpreterOptions = libatoll::InterpreterOptions;
  using Kind = libatoll::Kind;
  using List = libatoll::List;
  using Runtime = libatoll::Runtime;
  using RuntimeOptions = libatoll::RuntimeOptions;
  using Tuple = libatoll::Tuple;
  using Value = libatoll::Value;
  using Whence = libatoll::Whence;

  using ConfigError = libatoll::ConfigError;
  using Error = libatoll::Error;
  using ExecutionFailed = libatoll::ExecutionFailed;
  using InterpreterError = libatoll::InterpreterError;
  using InterpreterNotFoundError = libatoll::InterpreterNotFoundError;
  using NotShareableError = libatoll::NotShareableError;
  using StartupError = libatoll::StartupError;
  using ValueError = libatoll::ValueError;

  /// See libatoll::version().
  [[nodiscard]] static std::string_view version() noexcept { return libatoll::version(); }
};
