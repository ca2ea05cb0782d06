#include "core/wait/mailbox.hpp"

#include <cerrno>
#include <new>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/wait/closing.hpp"

namespace libatoll::core {

namespace {

/// Guards the list of all mailboxes. Trivially destructible, so it outlives every thread.
constinit Lock all_lock;
constinit IntrusiveList<Mailbox> all_mailboxes;

}  // namespace

Handle<Mailbox> Mailbox::create(InterpreterId interpreter) noexcept {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) return nullptr;
  auto* mailbox = new (std::nothrow) Mailbox(fd, interpreter);
  if (!mailbox) {
    close(fd);
    return nullptr;
  }
  // After the list knows it: a closing that began earlier would not have found it.
  if (is_closing_interpreter(interpreter)) {
    mailbox->closing_.store(true, std::memory_order_release);
    mailbox->signal();
  }
  return Handle<Mailbox>::adopt(mailbox);
}

Mailbox::Mailbox(int fd, InterpreterId interpreter) noexcept : fd_(fd), interpreter_(interpreter) {
  LockGuard guard(all_lock);
  all_mailboxes.add(*this);
}

Mailbox::~Mailbox() {
  {
    LockGuard guard(all_lock);
    all_mailboxes.remove(*this);
  }
  close(fd_);
}

void Mailbox::push(Waiter& waiter) noexcept {
  // Once the waiter is in the list, the loop may free it and let go of the mailbox.
  const auto keep = Handle<Mailbox>::share(this);
  Waiter* head = newest_.load(std::memory_order_relaxed);
  do {
    waiter.next_ = head;
  } while (!newest_.compare_exchange_weak(head, &waiter, std::memory_order_release,
                                          std::memory_order_relaxed));
  if (!head) signal();
}

Waiter* Mailbox::take_all() noexcept {
  // The eventfd first: a push after the exchange finds the list empty and signals again.
  eventfd_t count;
  while (eventfd_read(fd_, &count) != 0 && errno == EINTR) {
  }
  Waiter* waiter = newest_.exchange(nullptr, std::memory_order_acquire);
  Waiter* oldest = nullptr;
  while (waiter) {
    Waiter* next = waiter->next_;
    waiter->next_ = oldest;
    oldest = waiter;
    waiter = next;
  }
  return oldest;
}

void Mailbox::signal() noexcept {
  const int saved = errno;
  // EAGAIN would mean 2**64 - 2 unread signals; the descriptor is readable then, too.
  while (eventfd_write(fd_, 1) != 0 && errno == EINTR) {
  }
  errno = saved;
}

void Mailbox::close_all(InterpreterId id, bool everybody) noexcept {
  LockGuard guard(all_lock);
  for (Mailbox* mailbox = all_mailboxes.first(); mailbox; mailbox = mailbox->next_) {
    if (!everybody && mailbox->interpreter_ != id) continue;
    mailbox->closing_.store(true, std::memory_order_release);
    mailbox->signal();
  }
}

}  // namespace libatoll::core
