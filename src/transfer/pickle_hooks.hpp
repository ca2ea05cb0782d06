// Objects that pickle refuses but that travel: extension types and memoryviews inside of what is
// pickled. They leave the pickle as attachments.
#pragma once

#include <Python.h>

#include "py/ref.hpp"
#include "transfer/decoder.hpp"
#include "transfer/encoder.hpp"

namespace libatoll::transfer {

/// A pickle of `object` (bytes) made with these hooks; `used` says whether any was needed.
py::Ref dump_with_hooks(Encoder& encoder, PyObject* object, PyObject* buffer_callback, bool& used);

/// The function that a pickle made with hooks calls, to be passed to the unpickler. It works as
/// long as the RestoreScope of `decoder` lives.
py::Ref make_restore(Context& context);

class RestoreScope {
 public:
  explicit RestoreScope(Decoder& decoder) noexcept;
  RestoreScope(const RestoreScope&) = delete;
  RestoreScope& operator=(const RestoreScope&) = delete;
  ~RestoreScope();

 private:
  void*& current_;
  void* outer_;
};

}  // namespace libatoll::transfer
