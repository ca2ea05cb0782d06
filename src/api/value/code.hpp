// Running code as text, and calling it by name, in the interpreter that the calling thread is in.
//
// All of it throws PythonRaised, and NotShareableError for text that is not UTF-8.
#pragma once

#include <Python.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "atoll/value.hpp"
#include "py/ref.hpp"

namespace libatoll::api {

/// `__main__.__dict__`, borrowed.
[[nodiscard]] PyObject* main_namespace();

/// Runs statements in `__main__`.
void execute(std::string_view source, std::string_view filename);
/// Evaluates an expression in `__main__`.
[[nodiscard]] py::Ref evaluate(std::string_view expression);

/// What Interpreter::call() means by a name.
[[nodiscard]] py::Ref find_callable(std::string_view name);

/// The name of a keyword argument. Throws ValueError if that is no text.
[[nodiscard]] const std::string& argument_name(const Value& key);

/// The arguments of a call, in one array: first those without a name.
class Arguments {
 public:
  explicit Arguments(std::size_t count);

  void add(py::Ref value);
  void add(std::string_view name, py::Ref value);

  [[nodiscard]] py::Ref pass_to(const py::Ref& callable);

 private:
  std::size_t positional_ = 0;
  std::vector<py::Ref> owned_;
  std::vector<PyObject*> pointers_;  ///< the first is for PY_VECTORCALL_ARGUMENTS_OFFSET
  std::vector<py::Ref> names_;
};

}  // namespace libatoll::api
