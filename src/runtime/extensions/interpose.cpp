#include "runtime/extensions/interpose.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <thread>
#include <vector>

#include "atoll/base/error.hpp"
#include "py/cpython_compat.hpp"
#include "py/thread_state.hpp"
#include "runtime/extensions/error.hpp"
#include "runtime/interpreter/registry.hpp"
#include "runtime/session/session.hpp"

namespace libatoll::runtime::extensions {

namespace {

#if defined(__aarch64__)
constexpr std::uint32_t symbol_relocations[] = {R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT,
                                                R_AARCH64_ABS64};
#else
constexpr std::uint32_t symbol_relocations[] = {R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, R_X86_64_64};
#endif

// --- which interpreter an address belongs to -----------------------------------------------------

struct Range {
  std::uintptr_t begin;
  std::uintptr_t end;
  InterpreterHandle owner;
};

/// Copies are never unloaded: what was found once stays true.
class Owners {
 public:
  [[nodiscard]] static Owners& instance() noexcept {
    static Owners* const owners = new Owners;  // foreign threads may outlive static destructors
    return *owners;
  }

  void add(Range range) {
    const std::unique_lock lock(mutex_);
    const auto place = std::lower_bound(
        ranges_.begin(), ranges_.end(), range.begin,
        [](const Range& other, std::uintptr_t begin) { return other.begin < begin; });
    ranges_.insert(place, std::move(range));
  }

  /// Null for code that is no copy's.
  [[nodiscard]] Interpreter* find(const void* address) noexcept {
    struct Last {
      std::uintptr_t begin = 0, end = 0;
      Interpreter* owner = nullptr;
    };
    thread_local Last last;
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    if (wanted >= last.begin && wanted < last.end) return last.owner;
    const std::shared_lock lock(mutex_);
    const auto after =
        std::upper_bound(ranges_.begin(), ranges_.end(), wanted,
                         [](std::uintptr_t at, const Range& other) { return at < other.begin; });
    if (after == ranges_.begin()) return nullptr;
    const Range& range = *std::prev(after);
    if (wanted >= range.end) return nullptr;
    last = {range.begin, range.end, range.owner.get()};
    return last.owner;
  }

 private:
  std::shared_mutex mutex_;
  std::vector<Range> ranges_;  // by begin; they do not overlap
};

bool is_in(PyThreadState* state, const Interpreter& interpreter) noexcept {
  return state && PyThreadState_GetInterpreter(state) == interpreter.state();
}

// --- the functions -------------------------------------------------------------------------------

/// What PyGILState_Ensure() did that PyGILState_Release() must undo. Null: the thread state that
/// the thread had in the interpreter was attached.
thread_local std::vector<std::unique_ptr<Session>>* entered = nullptr;

struct EnteredOwner {
  ~EnteredOwner() { delete std::exchange(entered, nullptr); }
  void register_destructor() noexcept {}
};
thread_local EnteredOwner entered_owner;

PyGILState_STATE enter(Interpreter& target) {
  PyThreadState* const attached = py::attached_thread_state();
  if (is_in(attached, target)) return PyGILState_LOCKED;
  if (!entered) {
    entered = new std::vector<std::unique_ptr<Session>>;
    entered_owner.register_destructor();
  }
  if (!attached) {
    // Code of the interpreter that has given up the GIL for a while. It is inside already, whatever
    // the gate says by now.
    PyThreadState* const own = PyGILState_GetThisThreadState();
    if (is_in(own, target)) {
      py::attach(own);
      entered->push_back(nullptr);
      return PyGILState_UNLOCKED;
    }
  }
  try {
    entered->push_back(std::make_unique<Session>(target, Session::Access::pin));
    return PyGILState_UNLOCKED;
  } catch (const std::exception&) {
    if (py::attached_thread_state()) PyEval_SaveThread();
    py::block_forever();
  }
}

[[gnu::noinline]] PyGILState_STATE gil_state_ensure() {
  Interpreter* const owner = Owners::instance().find(__builtin_return_address(0));
  if (owner) return enter(*owner);
  // A tail call from a copy: whoever is attached goes on.
  if (py::attached_thread_state()) return PyGILState_LOCKED;
  return PyGILState_Ensure();
}

void gil_state_release(PyGILState_STATE state) {
  if (state == PyGILState_LOCKED) return;
  if (!entered || entered->empty()) return PyGILState_Release(state);
  const std::unique_ptr<Session> session = std::move(entered->back());
  entered->pop_back();
  if (session) {
    session->leave();
  } else {
    PyEval_SaveThread();
  }
}

[[gnu::noinline]] int gil_state_check() {
  const Interpreter* const owner = Owners::instance().find(__builtin_return_address(0));
  PyThreadState* const attached = py::attached_thread_state();
  return owner ? is_in(attached, *owner) : attached != nullptr;
}

[[gnu::noinline]] PyThreadState* gil_state_get_this_thread_state() {
  const Interpreter* const owner = Owners::instance().find(__builtin_return_address(0));
  PyThreadState* const attached = py::attached_thread_state();
  PyThreadState* const own = attached ? attached : PyGILState_GetThisThreadState();
  return !owner || is_in(own, *owner) ? own : nullptr;
}

/// CPython's runs in the main thread of the main interpreter; a copy has no such thread. A thread
/// of its own carries the call out in the copy's interpreter as soon as that has its GIL free.
[[gnu::noinline]] int add_pending_call(int (*function)(void*), void* argument) {
  Interpreter* const owner = Owners::instance().find(__builtin_return_address(0));
  if (!owner) return Py_AddPendingCall(function, argument);
  try {
    std::thread([target = InterpreterHandle::share(owner), function, argument] {
      try {
        const Session session(*target, Session::Access::pin);
        if (function(argument) != 0 && PyErr_Occurred()) PyErr_WriteUnraisable(nullptr);
      } catch (const std::exception&) {
        // It is closed: what was pending there is dropped, as CPython does.
      }
    }).detach();
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

[[gnu::noinline]] PyInterpreterState* interpreter_state_main() {
  const Interpreter* const owner = Owners::instance().find(__builtin_return_address(0));
  return owner ? owner->state() : PyInterpreterState_Main();
}

/// Code that lets go of Python objects asks that first, lest it wait for an interpreter that is no
/// more.
[[gnu::noinline]] int is_initialized() {
  const Interpreter* const owner = Owners::instance().find(__builtin_return_address(0));
  return Py_IsInitialized() && !(owner && owner->is_closed());
}

[[gnu::noinline]] int is_finalizing() {
  const Interpreter* const owner = Owners::instance().find(__builtin_return_address(0));
  return ATOLL_PY_IS_FINALIZING() || (owner && owner->is_closed());
}

struct Replacement {
  const char* name;
  void* function;
};
const Replacement replacements[] = {
    {"PyGILState_Ensure", reinterpret_cast<void*>(gil_state_ensure)},
    {"PyGILState_Release", reinterpret_cast<void*>(gil_state_release)},
    {"PyGILState_Check", reinterpret_cast<void*>(gil_state_check)},
    {"PyGILState_GetThisThreadState", reinterpret_cast<void*>(gil_state_get_this_thread_state)},
    {"Py_AddPendingCall", reinterpret_cast<void*>(add_pending_call)},
    {"PyInterpreterState_Main", reinterpret_cast<void*>(interpreter_state_main)},
    {"Py_IsInitialized", reinterpret_cast<void*>(is_initialized)},
    {"Py_IsFinalizing", reinterpret_cast<void*>(is_finalizing)},
    {"_Py_IsFinalizing", reinterpret_cast<void*>(is_finalizing)},
};

// --- the table of imported functions -------------------------------------------------------------

/// A library in memory: where its segments lie, and which part the linker has made read-only.
struct Layout {
  const link_map* map;
  std::uintptr_t begin = ~std::uintptr_t{0};
  std::uintptr_t end = 0;
  std::uintptr_t fixed_begin = 0;
  std::uintptr_t fixed_end = 0;
};

int read_layout(dl_phdr_info* info, std::size_t, void* data) {
  auto& layout = *static_cast<Layout*>(data);
  if (info->dlpi_addr != layout.map->l_addr) return 0;
  for (const auto& segment : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
    const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD) {
      layout.begin = std::min(layout.begin, begin);
      layout.end = std::max(layout.end, begin + segment.p_memsz);
    } else if (segment.p_type == PT_GNU_RELRO) {
      layout.fixed_begin = begin;
      layout.fixed_end = begin + segment.p_memsz;
    }
  }
  return 1;
}

void write_slot(const Layout& layout, std::uintptr_t slot, void* value) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  void* const start = reinterpret_cast<void*>(slot & ~(page - 1));
  const bool is_fixed = slot >= layout.fixed_begin && slot < layout.fixed_end;
  if (is_fixed && mprotect(start, page, PROT_READ | PROT_WRITE) != 0) {
    throw ExtensionError("its table of functions cannot be made writable");
  }
  std::memcpy(reinterpret_cast<void*>(slot), &value, sizeof value);
  if (is_fixed) mprotect(start, page, PROT_READ);
}

void replace_imports(const Layout& layout) {
  std::uintptr_t tables[2] = {};
  std::size_t sizes[2] = {};
  const ElfW(Sym)* symbols = nullptr;
  const char* strings = nullptr;
  for (const auto* entry = layout.map->l_ld; entry->d_tag != DT_NULL; ++entry) {
    // glibc has made addresses of these, other C libraries leave them relative.
    const std::uintptr_t value = entry->d_un.d_ptr;
    const std::uintptr_t address = value < layout.begin ? value + layout.map->l_addr : value;
    switch (entry->d_tag) {
      case DT_JMPREL:
        tables[0] = address;
        break;
      case DT_PLTRELSZ:
        sizes[0] = entry->d_un.d_val;
        break;
      case DT_RELA:
        tables[1] = address;
        break;
      case DT_RELASZ:
        sizes[1] = entry->d_un.d_val;
        break;
      case DT_SYMTAB:
        symbols = reinterpret_cast<const ElfW(Sym)*>(address);
        break;
      case DT_STRTAB:
        strings = reinterpret_cast<const char*>(address);
        break;
      default:
        break;
    }
  }
  for (int i = 0; i < 2; ++i) {
    const auto* const table = reinterpret_cast<const ElfW(Rela)*>(tables[i]);
    for (const auto& entry : std::span(table, table ? sizes[i] / sizeof(ElfW(Rela)) : 0)) {
      const auto type = static_cast<std::uint32_t>(ELF64_R_TYPE(entry.r_info));
      if (std::ranges::find(symbol_relocations, type) == std::end(symbol_relocations)) continue;
      const char* const name = strings + symbols[ELF64_R_SYM(entry.r_info)].st_name;
      for (const Replacement& replacement : replacements) {
        if (std::strcmp(name, replacement.name) != 0) continue;
        write_slot(layout, layout.map->l_addr + entry.r_offset, replacement.function);
      }
    }
  }
}

}  // namespace

void interpose(void* library, Interpreter& owner) {
  Layout layout{};
  link_map* map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) throw ExtensionError("is not loaded");
  layout.map = map;
  dl_iterate_phdr(read_layout, &layout);
  if (layout.end == 0) throw ExtensionError("is not where the dynamic linker says");
  replace_imports(layout);
  Owners::instance().add({layout.begin, layout.end, InterpreterHandle::share(&owner)});
}

namespace {

struct Sharing {
  const link_map* map;
  int original;
};

int share_segments(dl_phdr_info* info, std::size_t, void* data) {
  const auto& sharing = *static_cast<const Sharing*>(data);
  if (info->dlpi_addr != sharing.map->l_addr) return 0;
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const auto& segment : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
    // What is written to is the copy's own.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (info->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end =
        (info->dlpi_addr + segment.p_vaddr + segment.p_filesz + page - 1) & ~(page - 1);
    const int protection = PROT_READ | ((segment.p_flags & PF_X) != 0 ? PROT_EXEC : 0);
    const auto offset = static_cast<off_t>(segment.p_offset & ~(page - 1));
    const std::size_t size = end - begin;
    void* const seen = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, sharing.original, offset);
    if (seen == MAP_FAILED) continue;
    // The names that were edited lie at the beginning: all after the last page that differs.
    std::size_t same = size;
    while (same >= page && std::memcmp(static_cast<std::byte*>(seen) + same - page,
                                       reinterpret_cast<void*>(begin + same - page), page) == 0) {
      same -= page;
    }
    munmap(seen, size);
    if (same == size) continue;
    (void)mmap(reinterpret_cast<void*>(begin + same), size - same, protection,
               MAP_PRIVATE | MAP_FIXED, sharing.original, offset + static_cast<off_t>(same));
  }
  return 1;
}

}  // namespace

void share_pages(void* library, int original) noexcept {
  link_map* map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return;
  Sharing sharing{map, original};
  dl_iterate_phdr(share_segments, &sharing);
}

}  // namespace libatoll::runtime::extensions
