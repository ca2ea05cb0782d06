#include "runtime/interpreter/exit_flag.hpp"

#include <Python.h>

#include <atomic>

namespace libatoll::runtime::lifecycle {

namespace {

/// The thread (PyThread_get_thread_ident) in which the process exits, or 0.
std::atomic<unsigned long> exiting_thread{0};

}  // namespace

bool is_exiting() noexcept {
  return exiting_thread.load(std::memory_order_relaxed) != 0;
}

bool is_too_late() noexcept {
  // Sequentially consistent, as the gate's admission is not: a fence stands between the two.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const unsigned long thread = exiting_thread.load(std::memory_order_relaxed);
  return thread != 0 && thread != PyThread_get_thread_ident();
}

void set_exiting(bool value) noexcept {
  exiting_thread.store(value ? PyThread_get_thread_ident() : 0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace libatoll::runtime::lifecycle
