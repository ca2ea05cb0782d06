#include "core/base/object.hpp"

#include "core/base/reclaim.hpp"

namespace libatoll::core {

void* Object::operator new(std::size_t size) {
  void* const memory = ::operator new(size);
  note_allocated(size);
  return memory;
}

void* Object::operator new(std::size_t size, const std::nothrow_t& nothrow) noexcept {
  void* const memory = ::operator new(size, nothrow);
  if (memory) note_allocated(size);
  return memory;
}

void Object::operator delete(void* memory, std::size_t size) noexcept {
  note_freed(size);
  // Without the size: clang before 19 knows no other without an option.
  ::operator delete(memory);
}

}  // namespace libatoll::core
