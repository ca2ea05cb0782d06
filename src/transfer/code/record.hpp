// Code that travels: the marshalled form of a code object, made once, and what is known of the
// code.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/object.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

/// A marshalled code object. The id names it in the code caches of all interpreters.
class CodeRecord final : public core::Object {
 public:
  CodeRecord(std::string marshalled, std::string source) noexcept;
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const std::string& marshalled() const noexcept { return marshalled_; }
  /// The text that it was compiled from, where that is in no file (`-c`, REPL, notebooks); or
  /// empty.
  [[nodiscard]] const std::string& source() const noexcept { return source_; }

 private:
  std::uint64_t id_;
  std::string marshalled_;
  std::string source_;
};

/// What the bytecode says, as far as transfer asks.
struct CodeFacts {
  std::vector<std::uint32_t> global_names;  ///< indices into co_names of names read as globals
  bool stores_globals = false;
  bool returns_only_none = true;
};

/// Kept with a code object (as its "extra") from the first question to its end.
struct CodeNotes {
  core::Handle<CodeRecord> record;
  std::shared_ptr<const CodeFacts> facts;
};

/// The record of `code`, made at the first call. Empty with a Python error set on failure.
core::Handle<CodeRecord> record_of(Context& context, PyObject* code);

/// The code object of `record` in this interpreter (a new reference to a cached one).
py::Ref code_of(Context& context, CodeRecord& record);

/// Null with a Python error set on failure.
std::shared_ptr<const CodeFacts> facts_of(Context& context, PyObject* code);

}  // namespace libatoll::transfer
