// Threads of atoll's own.
#pragma once

#include <signal.h>

#include <cstdint>
#include <system_error>
#include <thread>
#include <utility>

namespace libatoll::core {

/// The signals that a thread of atoll's own takes.
enum class Signals : std::uint8_t {
  none,        ///< those are for the program's own threads
  as_program,  ///< what whoever started it takes: it runs Python, and child processes inherit the
               ///< mask
};

namespace detail {
/// In a thread of atoll's own: the mask of the thread of the program that is behind it.
inline thread_local sigset_t program_mask;
inline thread_local bool has_program_mask = false;
}  // namespace detail

/// A thread that nobody joins. Throws std::system_error.
template <class Work>
void start_thread(Signals signals, Work work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const sigset_t mask = detail::has_program_mask ? detail::program_mask : before;
  try {
    std::thread([signals, mask, work = std::move(work)]() mutable {
      detail::program_mask = mask;
      detail::has_program_mask = true;
      if (signals == Signals::as_program) pthread_sigmask(SIG_SETMASK, &mask, nullptr);
      work();
    }).detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// The same for what may block for a moment, and may run Python; if there is no thread to be had,
/// it is done here.
template <class Work>
void run_aside(const Work& work) noexcept {
  try {
    start_thread(Signals::as_program, work);
  } catch (const std::exception&) {
    work();
  }
}

}  // namespace libatoll::core
