#include "runtime/process/exit_memory.hpp"

#include "py/cpython_compat.hpp"

namespace libatoll::runtime::lifecycle {

#if ATOLL_KEYWORDS_MAY_BELONG_TO_FIRST_CALLER

namespace {

PyMemAllocatorEx original;

void keep(void*, void*) {}

void free_again() {
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &original);
}

}  // namespace

// A C function that takes keywords makes the tuple of their names at its first call with one, in
// the memory of the interpreter that calls. The main interpreter frees the tuple at exit; to its
// allocator that memory is unknown, so it hands it to free(): "double free or corruption", also
// without atoll (https://github.com/python/cpython/issues/119213, solved in 3.12.4). No public
// function finds these tuples, but what free() is given can be held back.
void keep_freed_memory() noexcept {
  if (Py_Version >= 0x030C0400) return;
  PyMemAllocatorEx now;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &now);
  if (now.free == keep) return;
  original = now;
  // Without it a program that goes on after Py_FinalizeEx() would never free such memory again.
  if (Py_AtExit(free_again) != 0) return;
  PyMemAllocatorEx keeping = now;
  keeping.free = keep;
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &keeping);
}

#else

void keep_freed_memory() noexcept {}

#endif

}  // namespace libatoll::runtime::lifecycle
