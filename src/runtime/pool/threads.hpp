// Threads of atoll's own.
#pragma once

#include <signal.h>

#include <system_error>
#include <thread>
#include <utility>

namespace libatoll::runtime {

/// A thread that nobody joins and that takes no signals: those are for the program's own threads.
/// Throws std::system_error.
template <class Work>
void start_thread(Work work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  try {
    std::thread(std::move(work)).detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// The same for what may block for a moment; if there is no thread to be had, it is done here.
template <class Work>
void run_aside(const Work& work) noexcept {
  try {
    start_thread(work);
  } catch (const std::exception&) {
    work();
  }
}

}  // namespace libatoll::runtime
