#include "core/memory/shared_array.hpp"

#include <algorithm>
#include <limits>
#include <new>

namespace libatoll::core {

SharedArray::~SharedArray() {
  delete[] large_;
}

SharedArray* SharedArray::make(const Handle<SharedBuffer>& memory, const ElementType& type,
                               std::byte* data, std::size_t dimensions, bool readonly) noexcept {
  auto* const made = new (std::nothrow) SharedArray(memory, type, data, dimensions, readonly);
  if (!made || 2 * dimensions <= made->small_.size()) return made;
  made->large_ = new (std::nothrow) std::ptrdiff_t[2 * dimensions];
  if (made->large_) return made;
  delete made;
  return nullptr;
}

void SharedArray::complete() noexcept {
  for (const std::ptrdiff_t length : shape()) count_ *= static_cast<std::size_t>(length);
  if (count_ == 0) return;
  std::ptrdiff_t expected = type_.size;
  for (std::size_t i = dimensions_; i-- > 0;) {
    if (shape()[i] != 1 && strides()[i] != expected) is_contiguous_ = false;
    expected *= shape()[i];
  }
}

Handle<SharedArray> SharedArray::contiguous(const Handle<SharedBuffer>& memory,
                                            const ElementType& type, Extents shape) noexcept {
  SharedArray* const made = make(memory, type, memory->data(), shape.size(), memory->readonly());
  if (!made) return {};
  std::ptrdiff_t* const strides = made->extents() + shape.size();
  std::ptrdiff_t stride = type.size;
  for (std::size_t i = shape.size(); i-- > 0;) {
    made->extents()[i] = shape[i];
    strides[i] = stride;
    stride *= std::max(shape[i], std::ptrdiff_t{1});
  }
  made->complete();
  return Handle<SharedArray>::adopt(made);
}

Handle<SharedArray> SharedArray::part(std::byte* first, Extents shape, Extents strides,
                                      bool readonly) const noexcept {
  SharedArray* const made = make(memory_, type_, first, shape.size(), readonly_ || readonly);
  if (!made) return {};
  std::ranges::copy(shape, made->extents());
  std::ranges::copy(strides, made->extents() + shape.size());
  made->complete();
  return Handle<SharedArray>::adopt(made);
}

bool SharedArray::size_of(const ElementType& type, Extents shape, std::size_t& bytes) noexcept {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
  bytes = type.size;
  // Zeros do not excuse lengths that could not stand beside others: strides must be representable.
  bool is_empty = false;
  for (const std::ptrdiff_t length : shape) {
    if (length == 0) {
      is_empty = true;
      continue;
    }
    if (bytes > most / static_cast<std::size_t>(length)) return false;
    bytes *= static_cast<std::size_t>(length);
  }
  if (is_empty) bytes = 0;
  return true;
}

}  // namespace libatoll::core
