// Interpreters with a transfer Context, without the runtime.
#pragma once

#include <Python.h>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"
#include "transfer/transfer.hpp"

namespace libatoll::test {

using core::Message;
using transfer::Context;
using transfer::Mode;

/// The Context of the main interpreter, which is current in the test's thread.
class MainContext {
 public:
  MainContext() : context_(Context::create()) {
    REQUIRE(context_);
    transfer::register_context(PyInterpreterState_Get(), context_.get());
  }
  ~MainContext() { transfer::unregister_context(PyInterpreterState_Get()); }
  Context& operator*() const noexcept { return *context_; }

 private:
  std::unique_ptr<Context> context_;
};

/// An interpreter with its own GIL. The constructor's thread is back in its own interpreter after
/// it.
class Other {
 public:
  Other() {
    PyThreadState* const caller = PyThreadState_Get();
    PyInterpreterConfig config{};
    config.allow_threads = 1;
    config.check_multi_interp_extensions = 1;
    config.gil = PyInterpreterConfig_OWN_GIL;
    const PyStatus status = Py_NewInterpreterFromConfig(&inside_, &config);
    REQUIRE_FALSE(PyStatus_Exception(status));
    context_ = Context::create();
    transfer::register_context(PyInterpreterState_Get(), context_.get());
    PyThreadState_Swap(caller);
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() { end(); }

  /// Runs `body(context)` inside, from any thread that has no other thread state attached or that
  /// gets its own back afterwards.
  template <class Body>
  void enter(Body body) {
    PyThreadState* const caller = PyThreadState_Swap(inside_);
    body(*context_);
    PyThreadState_Swap(caller);
  }

  void end() {
    if (!inside_) return;
    PyThreadState* const caller = PyThreadState_Swap(inside_);
    transfer::unregister_context(PyInterpreterState_Get());
    context_.reset();
    Py_EndInterpreter(inside_);
    inside_ = nullptr;
    PyThreadState_Swap(caller);
  }

 private:
  PyThreadState* inside_ = nullptr;
  std::unique_ptr<Context> context_;
};

/// The value of an expression, or of `result` after statements, in a fresh namespace.
inline py::Ref evaluate(const std::string& source) {
  const auto space = py::Ref::steal(PyDict_New());
  PyDict_SetItemString(space.get(), "__builtins__", PyEval_GetBuiltins());
  const bool statements = source.find('\n') != std::string::npos;
  auto value = py::Ref::steal(PyRun_String(
      source.c_str(), statements ? Py_file_input : Py_eval_input, space.get(), space.get()));
  if (!value) PyErr_Print();
  REQUIRE(value);
  return statements ? py::Ref::borrow(PyDict_GetItemString(space.get(), "result")) : value;
}

inline std::string repr(const py::Ref& object) {
  const auto text = py::Ref::steal(PyObject_Repr(object.get()));
  REQUIRE(text);
  return PyUnicode_AsUTF8(text.get());
}

/// str() of the error that is set, with its type's name; clears it.
inline std::string take_error() {
  const auto error = py::Ref::steal(PyErr_GetRaisedException());
  if (!error) return "no error";
  // tp_name has the module's name from 3.14 on only.
  const auto text = py::Ref::steal(PyUnicode_FromFormat(
      "%S: %S", py::Ref::steal(PyType_GetName(Py_TYPE(error.get()))).get(), error.get()));
  return text ? PyUnicode_AsUTF8(text.get()) : "?";
}

inline Message encoded(Context& context, const py::Ref& object, Mode mode = Mode::any) {
  Message message;
  const bool ok = !py::failed(transfer::encode(context, object.get(), mode, message));
  if (!ok) PyErr_Print();
  REQUIRE(ok);
  return message;
}

inline py::Ref decoded(Context& context, const Message& message) {
  py::Ref object = transfer::decode(context, message);
  if (!object) PyErr_Print();
  REQUIRE(object);
  return object;
}

}  // namespace libatoll::test
