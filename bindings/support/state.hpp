// What `_atoll` keeps in each interpreter.
#pragma once

#include <Python.h>

#include <cstddef>
#include <exception>
#include <new>

#include "atoll/error.hpp"
#include "py/ref.hpp"
#include "runtime/execution/run.hpp"
#include "runtime/interpreter/interpreter.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::bindings {

/// The folders that keep something in each interpreter.
enum class Folder : std::size_t { interpreters, queues, channels, pep554, pools, memory, count };

/// What a folder keeps in an interpreter; see PartOf.
class Part {
 public:
  virtual ~Part() = default;
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  [[nodiscard]] virtual int traverse(visitproc visit, void* arg) noexcept = 0;
  virtual void clear() noexcept = 0;

 protected:
  Part() noexcept = default;
};

/// `Derived` says which folder it belongs to (`folder`), and shows the references that it owns:
/// `each(visit)` calls `visit(member)` for all of them.
template <class Derived>
class PartOf : public Part {
 public:
  [[nodiscard]] int traverse(visitproc visit, void* arg) noexcept final {
    int result = 0;
    self().each([&](auto* object) {
      if (result == 0 && object) result = visit(reinterpret_cast<PyObject*>(object), arg);
    });
    return result;
  }
  void clear() noexcept final {
    self().each([](auto*& object) { Py_CLEAR(object); });
  }

 private:
  friend Derived;
  PartOf() noexcept = default;
  [[nodiscard]] Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

/// CPython allocates it, filled with zeros, and frees it: see clear_state().
struct State {
  runtime::Interpreter* self;       ///< the interpreter that this module lives in
  PyObject* interpreter_error;      ///< InterpreterError
  PyObject* interpreter_not_found;  ///< InterpreterNotFoundError
  PyObject* simple_namespace;       ///< types.SimpleNamespace
  Part* parts[static_cast<std::size_t>(Folder::count)];  ///< null until their folders add them

  /// Null with a Python error set when the interpreter is ending.
  [[nodiscard]] transfer::Context* context() const { return self->context(); }
};

[[nodiscard]] int traverse_state(const State& state, visitproc visit, void* arg) noexcept;
void clear_state(State& state) noexcept;
void delete_parts(State& state) noexcept;

/// What the folder of `P` keeps; it has been added.
template <class P>
[[nodiscard]] P& part_of(const State& state) noexcept {
  return static_cast<P&>(*state.parts[static_cast<std::size_t>(P::folder)]);
}

/// Where a folder begins to add itself to the module.
template <class P>
[[nodiscard]] py::Status add_part(State& state) noexcept {
  Part* const part = new (std::nothrow) P;
  state.parts[static_cast<std::size_t>(P::folder)] = part;
  if (!part) PyErr_NoMemory();
  return part ? py::Status::ok : py::Status::error;
}

extern PyModuleDef module_definition;

/// The state behind a function of the module (`self` is the module object).
[[nodiscard]] inline State& state_of(PyObject* module) noexcept {
  return *static_cast<State*>(PyModule_GetState(module));
}

/// The state behind an object of one of the module's types, or of a subclass of one; null with a
/// Python error set when there is none (the module is gone).
[[nodiscard]] inline State* state_of_type(PyTypeObject* type) noexcept {
  PyObject* module = PyType_GetModuleByDef(type, &module_definition);
  return module ? &state_of(module) : nullptr;
}

/// The state of the calling interpreter's module; null with a Python error set when there is none.
[[nodiscard]] State* current_state();

/// Sets the Python exception for the C++ exception in flight. Call in a catch block.
void set_error_from_exception(const State& state) noexcept;

/// Calls `body` and turns what it throws into a Python exception and null.
template <class Body>
PyObject* translated(const State& state, Body&& body) {
  try {
    return body();
  } catch (const std::exception&) {
    set_error_from_exception(state);
    return nullptr;
  }
}

/// Raises KeyboardInterrupt, or what the main interpreter's SIGINT handler raises, after a call
/// that Ctrl-C has stopped.
void raise_interrupt() noexcept;

/// Raises NotShareableError as it was seen in the other interpreter, with the traceback there as
/// cause.
void raise_not_shareable(transfer::Context& context,
                         const transfer::ExceptionSnapshot& snapshot) noexcept;

}  // namespace libatoll::bindings
