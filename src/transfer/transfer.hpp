// PyObject <-> Message.
//
// encode() runs in the sender with its GIL held and needs nothing of the receiver; decode() the
// other way round. See codec.hpp for the wire format.
#pragma once

#include <Python.h>

#include "core/memory/message.hpp"
#include "py/ref.hpp"
#include "transfer/context/context.hpp"

namespace libatoll::transfer {

enum class Mode {
  shareable,     ///< PEP 734's shareable types only, exact types, no pickle
  any,           ///< PEP 734's fallback: native types, stateless functions by value, then pickle
  any_by_value,  ///< any, then cloudpickle where it can be imported
};

/// On failure `out` is empty and NotShareableError (type, path, cause) is set.
py::Status encode(Context& context, PyObject* object, Mode mode, core::Message& out);
/// On failure NotShareableError is set, with what went wrong as its cause. The message can be
/// decoded again, elsewhere too.
py::Ref decode(Context& context, const core::Message& message);
/// For the last (or only) receiver: large buffers arrive without a copy.
py::Ref decode(Context& context, core::Message&& message);

/// Would encode(..., Mode::shareable) accept an object of this type?
bool is_shareable(Context& context, PyObject* object);

/// A callable with its arguments, in vectorcall form (`nargs` positional ones, then one value per
/// name of `kwnames`, a tuple or null).
py::Status encode_call(Context& context, PyObject* callable, PyObject* const* args,
                       Py_ssize_t nargs, PyObject* kwnames, core::Message& out,
                       Mode mode = Mode::any);
/// Is told when what a message asks for begins, after all was decoded, and when it is over.
class CallSpan {
 public:
  CallSpan(const CallSpan&) = delete;
  CallSpan& operator=(const CallSpan&) = delete;
  /// False with a Python error set: it is not to be called.
  [[nodiscard]] virtual bool begin() noexcept = 0;
  virtual void end() noexcept = 0;

 protected:
  CallSpan() noexcept = default;
  ~CallSpan() = default;
};

/// Decodes the call, makes it, and returns its result. `decoded` tells on failure whether the
/// callable ran (its exception is set) or the message could not be decoded (NotShareableError is
/// set).
py::Ref decode_and_call(Context& context, const core::Message& message, bool& decoded);
/// For the last (or only) receiver: large buffers arrive without a copy.
py::Ref decode_and_call(Context& context, core::Message&& message, bool& decoded,
                        CallSpan* span = nullptr);

/// Makes a call that has arrived: what looks at the frame that called it (`exec`, `globals`) finds
/// that of `__main__`. As PyObject_Vectorcall(); the place before `args` may be used meanwhile.
py::Ref call_as_main(Context& context, PyObject* callable, PyObject** args, Py_ssize_t nargs,
                     PyObject* kwnames);

/// A script for `exec`: source text, bytes-like source, code object, or function (PEP 734 rules).
/// Errors are raised in the caller: SyntaxError, ValueError (not a script), TypeError.
py::Status encode_script(Context& context, PyObject* script, core::Message& out);
/// The code object, to be evaluated in `__main__`.
py::Ref decode_script(Context& context, const core::Message& message);

}  // namespace libatoll::transfer
