#include "core/wait/waiter.hpp"

#include "core/wait/mailbox.hpp"

namespace libatoll::core {

constinit Waiter::Cancelled Waiter::cancelled_;

void Waiter::complete() noexcept {
  if (mailbox_) {
    mailbox_->push(*this);
    return;
  }
  // The owner may see the flag without being woken, and be gone: the parker is all that remains.
  Parker* const parker = parker_;
  completed_.store(true, std::memory_order_release);
  parker->unpark();
}

}  // namespace libatoll::core
