#include "runtime/session/signals.hpp"

#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <system_error>

#include "atoll/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/parking/parking.hpp"
#include "py/ref.hpp"
#include "py/thread_state.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::runtime::signals {

namespace {

/// Which interpreter the main thread runs in, as the watcher sees it. The low bit says that the
/// watcher is busy with it: the main thread does not leave before the bit is clear again.
std::atomic<std::uintptr_t> watched{0};
constexpr std::uintptr_t busy = 1;
static_assert(alignof(Interpreter) > busy);

/// Interrupts so far. Raised by the watcher under the GIL of the interrupted interpreter; a session
/// during which it changed may have one pending.
std::atomic<std::uint32_t> deliveries{0};
/// SIGINTs since the main thread last entered an interpreter from outside.
std::atomic<int> unhandled{0};
/// The watcher owes the main thread an interrupt. A SIGINT that came before the main thread last
/// entered from outside is CPython's alone, however late the watcher learns of it.
std::atomic<bool> requested{false};

/// Up to which interrupt the code of the main thread knows. Main thread only.
std::uint32_t taken = 0;

std::atomic<unsigned long> main_thread_ident{0};
/// Where the main thread blocks in atoll; set when it first does.
std::atomic<core::Parker*> main_thread_parker{nullptr};

void interrupt_wait() noexcept {
  if (core::Parker* parker = main_thread_parker.load(std::memory_order_acquire)) {
    parker->interrupt();
  }
}

sem_t wake_watcher;
std::once_flag watcher_started;

struct sigaction chained;        // the handler that ours stands in front of
struct sigaction first_chained;  // the first of them: CPython's
std::atomic<bool> have_chained{false};

void call(const struct sigaction& action, int number, siginfo_t* info, void* context) {
  if (action.sa_flags & SA_SIGINFO) {
    if (action.sa_sigaction) action.sa_sigaction(number, info, context);
  } else if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
    action.sa_handler(number);
  }
}

void on_sigint(int number, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  static std::atomic<int> depth{0};
  // Somebody may have put a handler of theirs in front of ours, and we ours in front of that.
  if (depth.fetch_add(1, std::memory_order_relaxed) == 0) {
    call(chained, number, info, context);
    unhandled.fetch_add(1, std::memory_order_relaxed);
    requested.store(true);
    // Sequentially consistent, as in begin_watch(): one of the two sides sees the other's store.
    if (watched.load() != 0) sem_post(&wake_watcher);
    interrupt_wait();
  } else {
    call(first_chained, number, info, context);
  }
  depth.fetch_sub(1, std::memory_order_relaxed);
  errno = saved_errno;
}

/// Puts our handler in front of whatever handles SIGINT now. `signal.signal()` replaces it, so this
/// is looked at again whenever the main thread enters an interpreter (one system call).
void stand_in_front() noexcept {
  struct sigaction now;
  if (sigaction(SIGINT, nullptr, &now) != 0) return;
  if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_sigint) return;
  if (!(now.sa_flags & SA_SIGINFO) && (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)) {
    return;
  }
  chained = now;
  if (!have_chained.exchange(true)) first_chained = now;
  struct sigaction ours = now;
  ours.sa_flags |= SA_SIGINFO;
  ours.sa_sigaction = on_sigint;
  sigaction(SIGINT, &ours, nullptr);
}

/// Would the Python-level handler raise KeyboardInterrupt right away? Attaches to the main
/// interpreter, whose main thread is elsewhere.
bool default_python_handler() noexcept {
  try {
    Session session(*Registry::instance().main(), Session::Access::pin);
    const py::Ref module = py::Ref::steal(PyImport_ImportModule("_signal"));
    if (!module) return PyErr_Clear(), true;
    const py::Ref handler =
        py::Ref::steal(PyObject_CallMethod(module.get(), "getsignal", "i", SIGINT));
    const py::Ref standard =
        py::Ref::steal(PyObject_GetAttrString(module.get(), "default_int_handler"));
    PyErr_Clear();
    return handler && handler.get() == standard.get();
  } catch (const Error&) {
    return false;
  }
}

/// Raises KeyboardInterrupt in what the main thread runs in `target`.
void deliver(Interpreter& target) noexcept {
  try {
    Session session(target, Session::Access::close);
    deliveries.fetch_add(1, std::memory_order_relaxed);
    PyThreadState_SetAsyncExc(main_thread_ident.load(std::memory_order_relaxed),
                              PyExc_KeyboardInterrupt);
    session.leave();
    interrupt_wait();
  } catch (const std::exception&) {
    // No memory for a thread state: the interrupt stays with the main interpreter.
  }
}

void interrupt_main_thread() noexcept {
  std::uintptr_t seen = watched.load(std::memory_order_acquire);
  if (seen == 0 || !requested.load()) return;
  const bool insist = unhandled.load(std::memory_order_relaxed) > 1;
  if (!insist && !default_python_handler()) return;
  seen = watched.load(std::memory_order_acquire);
  if (seen == 0 || !watched.compare_exchange_strong(seen, seen | busy, std::memory_order_acq_rel)) {
    return;
  }
  // From here to the store below the main thread stays in, or waits for us on its way out: the
  // interpreter cannot be closed.
  if (requested.exchange(false)) deliver(*reinterpret_cast<Interpreter*>(seen));
  watched.store(seen, std::memory_order_release);
  watched.notify_all();
}

void watch() {
  for (;;) {
    if (sem_wait(&wake_watcher) == 0) interrupt_main_thread();
  }
}

void start_watcher() {
  std::call_once(watcher_started, [] {
    sem_init(&wake_watcher, 0, 0);
    core::start_thread(core::Signals::none, watch);
  });
}

std::uintptr_t word(Interpreter* interpreter) noexcept {
  return reinterpret_cast<std::uintptr_t>(interpreter);
}

}  // namespace

void note_main_thread() {
  // The oldest thread state of the main interpreter is the one that initialised the runtime.
  PyThreadState* oldest = nullptr;
  for (auto* state = PyInterpreterState_ThreadHead(PyInterpreterState_Main()); state;
       state = PyThreadState_Next(state)) {
    oldest = state;
  }
  if (oldest) main_thread_ident.store(oldest->thread_id, std::memory_order_relaxed);
}

bool on_main_thread() noexcept {
  static thread_local const unsigned long self = PyThread_get_thread_ident();
  return self == main_thread_ident.load(std::memory_order_relaxed);
}

namespace {

/// Waits, without a GIL, until the watcher is done with what it is delivering.
std::uintptr_t wait_until_not_busy(std::uintptr_t seen) noexcept {
  const py::Detached detached;
  while (seen & busy) {
    watched.wait(seen, std::memory_order_acquire);
    seen = watched.load(std::memory_order_acquire);
  }
  return seen;
}

}  // namespace

void forget_handled() noexcept {
  if (!on_main_thread() || watched.load(std::memory_order_acquire) != 0) return;
  unhandled.store(0, std::memory_order_relaxed);
  requested.store(false);
}

Watch begin_watch(Interpreter& target) noexcept {
  try {
    start_watcher();
  } catch (const std::system_error&) {
    return {};  // no thread to be had: Ctrl-C waits until the call returns
  }
  stand_in_front();
  std::uintptr_t outer = watched.load(std::memory_order_acquire);
  const std::uint32_t before = deliveries.load(std::memory_order_relaxed);
  taken = before;
  for (;;) {
    // An interrupt for the interpreter around this one may just be being delivered.
    if (outer & busy) outer = wait_until_not_busy(outer);
    if (watched.compare_exchange_weak(outer, word(&target))) {
      if (requested.load()) sem_post(&wake_watcher);  // it came too early to see `watched` set
      return {true, before, reinterpret_cast<Interpreter*>(outer)};
    }
  }
}

bool end_watch(const Watch& watch) noexcept {
  if (!watch.active) return false;
  std::uintptr_t seen = watched.load(std::memory_order_acquire) & ~busy;
  while (!watched.compare_exchange_strong(seen, word(watch.outer), std::memory_order_acq_rel)) {
    // The watcher is on its way in and needs the GIL that we hold.
    seen = wait_until_not_busy(seen);
  }
  if (deliveries.load(std::memory_order_relaxed) == watch.deliveries) return false;
  // Whatever has not been raised yet must not hit the next session of this thread.
  PyThreadState_SetAsyncExc(main_thread_ident.load(std::memory_order_relaxed), nullptr);
  return true;
}

void prepare_to_block() noexcept {
  if (!on_main_thread()) return;
  core::Parker* const parker = core::Parker::current();
  if (parker) parker->heed_signals();
  main_thread_parker.store(parker, std::memory_order_release);
  stand_in_front();
}

bool take_interrupt() noexcept {
  if (!on_main_thread() || watched.load(std::memory_order_acquire) == 0) return false;
  const std::uint32_t now = deliveries.load(std::memory_order_relaxed);
  if (now == taken) return false;
  taken = now;
  // It is raised here, not by the next byte code.
  PyThreadState_SetAsyncExc(main_thread_ident.load(std::memory_order_relaxed), nullptr);
  return true;
}

void after_fork_in_child() noexcept {
  // The child has no watcher, and its main thread is the one that forked.
  watched.store(0);
  new (&watcher_started) std::once_flag;
  main_thread_ident.store(PyThread_get_thread_ident());
}

}  // namespace libatoll::runtime::signals
