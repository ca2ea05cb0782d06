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
  by_name,
  by_value,  ///< those that cannot be imported: of `__main__`, lambdas, closures (cloudpickle)
};

/// A pickle of `object` (bytes) made with these hooks; `used` says whether any was needed.
py::Ref dump_with_hooks(Encoder& encoder, PyObject* object, PyObject* buffer_callback,
                        Globals globals, bool& used);

/// The function that a pickle made with hooks calls, to be passed to the unpickler. It works as
/// long as the RestoreScope of `decoder` lives.
py::Ref make_restore(Context& context);

class RestoreScope {
 public:
  explicit RestoreScope(Decoder& decoder) noexcept;
  RestoreScope(const RestoreScope&) = delete;
  RestoreScope& operator=(const RestoreScope&) = delete;
  ~RestoreScope() = default;

 private:
  InProgress<Decoder> in_progress_;
};

}  // namespace libatoll::transfer
