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
// Every part can be included by itself too.
#pragma once

#include "atoll/namespace.hpp"

#include "atoll/version.hpp"

#include "atoll/error.hpp"

#include "atoll/bigint.hpp"
#include "atoll/bytes.hpp"
#include "atoll/value.hpp"

#include "atoll/config.hpp"
#include "atoll/interpreter.hpp"
#include "atoll/runtime.hpp"
