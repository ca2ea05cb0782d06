// Objects inside of what is pickled that travel in a way of their own: extension types and
// memoryviews, which leave the pickle as attachments, and types that the user has registered.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/decode/decoder.hpp"
#include "transfer/encode/encoder.hpp"
#include "transfer/pickle/in_progress.hpp"

namespace libatoll::transfer {

/// What becomes of functions and classes in a pickle.
enum class Globals : std::uint8_t {
  by_name,        ///< pickle's way
  by_definition,  ///< those of a `__main__` as references to it (MainTable)
  by_value,       ///< as well, and those that have no name by value: lambdas, closures
};

/// A pickle of `object` (bytes; None: see Encoder::whole()) made with these hooks; `used` says
/// whether any was needed.
py::Ref dump_with_hooks(Encoder& encoder, PyObject* object, PyObject* buffer_callback,
                        Globals globals, bool& used);

/// While one lives, Python functions of this layer write to `encoder`.
class PickleInProgress {
 public:
  explicit PickleInProgress(Encoder& encoder) noexcept : state_{&encoder, false}, scope_(state_) {}
  PickleInProgress(const PickleInProgress&) = delete;
  PickleInProgress& operator=(const PickleInProgress&) = delete;
  ~PickleInProgress() = default;

  /// That of the innermost one in this thread, which is noted as used; or null.
  [[nodiscard]] static Encoder* encoder() noexcept;
  [[nodiscard]] bool is_used() const noexcept { return state_.used; }

 private:
  struct State {
    Encoder* encoder;
    bool used;
  };
  State state_;
  InProgress<State> scope_;
};

/// While one lives, what a pickle refers to is found in the message of `decoder`.
class RestoreScope {
 public:
  explicit RestoreScope(Decoder& decoder) noexcept : in_progress_(decoder) {}
  RestoreScope(const RestoreScope&) = delete;
  RestoreScope& operator=(const RestoreScope&) = delete;
  ~RestoreScope() = default;

  /// That of the innermost one in this thread, or null.
  [[nodiscard]] static Decoder* decoder() noexcept { return InProgress<Decoder>::current(); }

 private:
  InProgress<Decoder> in_progress_;
};

/// The function `restore` that pickles made with hooks call.
PyObject* restore_attachment(PyObject*, PyObject* args);

}  // namespace libatoll::transfer
