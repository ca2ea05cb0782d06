// Objects whose end may be the end of others of their kind, and so on without limit.
#pragma once

#include "core/base/object.hpp"

namespace libatoll::core {

/// Destroyed one after the other: destructors that release further ones do not nest, as the stack
/// would not hold all of them. All are gone when the outermost release() returns. A message in a
/// channel that holds the last end of another channel, in which there is such a message, is why.
class DestroyedInTurn : public Object {
 protected:
  DestroyedInTurn() noexcept = default;

 private:
  void destroy() noexcept final;

  DestroyedInTurn* next_ = nullptr;  ///< among those that the thread is about to delete
};

}  // namespace libatoll::core
